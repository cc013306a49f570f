#!/bin/sh
# The first process of a guest: sets up what the tests need, runs them once for each family of hooks, and switches the
# machine off. What the tests say goes to the second serial port, where no message of the kernel or of what they run
# comes between.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
# Some kernels look a program up by this name when it is started by its descriptor.
ln -s /proc/self/fd /dev/fd
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /var/tmp
ip link set lo up
exec </dev/null >/dev/ttyS1 2>/dev/ttyS0
skip=
skipped=
if ! insmod /overlay.ko; then
	skip=exec::what_was_written_over_an_image_is_told_from_what_is_in_it
	skipped="test $skip ... ignored, the kernel's package has no overlayfs"
fi
while read -r family arguments <&3; do
	echo "guest: hooks $family"
	echo "$skipped"
	skipped=
	NIGHTJAR_HOOKS=$family /kernel-tests --test-threads=1 --show-output ${skip:+--skip $skip} $arguments 3<&-
	echo "guest: the tests ended with $?"
done 3</runs
echo "guest: done"
poweroff -f
