# Measures. The agent's own messages are the bench's to read.
NIGHTJAR_BIN=/nightjar NIGHTJAR_EMPTY_OBJECT=/empty.o /live counted-overhead 2>&1
echo "guest: the bench ended with $?"
