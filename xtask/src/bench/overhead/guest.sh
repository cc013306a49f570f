# Measures. The agent's own messages are the bench's to read. What the kernel does of the network's work in a thread is
# work of the loop that caused it: 5.10 would put it off as long as something with a real-time priority runs.
chrt -f -p 2 "$(pidof ksoftirqd/0)"
NIGHTJAR_BIN=/nightjar NIGHTJAR_EMPTY_OBJECT=/empty.o /live counted-overhead 2>&1
echo "guest: the bench ended with $?"
