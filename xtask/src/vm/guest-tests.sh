# Runs the kernel tests once for each family of hooks.
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
