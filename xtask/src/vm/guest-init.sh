#!/bin/sh
# The first process of a guest: sets up what the tests need, runs them, and switches the machine off. What the tests
# say goes to the second serial port, where no message of the kernel comes between.
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
exec </dev/null >/dev/ttyS1 2>&1
overlay_test=exec::what_was_written_over_an_image_is_told_from_what_is_in_it
skip=
if ! insmod /overlay.ko; then
    skip="--skip $overlay_test"
    echo "test $overlay_test ... ignored, the kernel's package has no overlayfs"
fi
# One test at a time: where programs can be preempted, the kernel skips one while another is interrupted on its CPU.
# What the programs of the tests complain about does not belong between the results.
/kernel-tests --test-threads=1 $skip $(cat /arguments) 2>/dev/ttyS0
echo "guest: the tests ended with $?"
poweroff -f
