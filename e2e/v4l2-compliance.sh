# SPDX-License-Identifier: GPL-2.0
# v4l2-compliance on the nodes of vivid, vim2m, vicodec, vimc and uvcvideo, those of them that there are. Its results
# are no verdict by themselves: tools/compliance.py compares those of two kernels. A line "compliance: begin NAME" is
# before each node's.
export LC_ALL=C

# What is part of the kernel is no module.
for m in videobuf2-common videobuf2-memops videobuf2-v4l2 videobuf2-vmalloc videobuf2-dma-contig font v4l2-tpg \
	v4l2-mem2mem vim2m vicodec vimc; do
	[ ! -e /lib/modules-flat/$m.ko ] || grep -q "^$(echo $m | tr - _) " /proc/modules ||
		insmod /lib/modules-flat/$m.ko || echo "not ok - insmod $m"
done

nodes=0
check() { # name, arguments of v4l2-compliance
	local name=$1
	shift
	nodes=$((nodes + 1))
	echo "compliance: begin $name"
	v4l2-compliance -C never "$@" </dev/null 2>&1
	echo "compliance: end $name $?"
}

# By name and not by number; video nodes that can stream do.
for name in vivid-000-vid-cap vivid-000-vid-out vivid-000-vbi-cap vivid-000-vbi-out vivid-000-sdr-cap \
	vivid-000-radio-rx vivid-000-radio-tx vivid-000-meta-cap vivid-000-meta-out vivid-000-touch-cap vim2m \
	stateful-encoder stateful-decoder stateless-decoder; do
	for d in /sys/class/video4linux/*; do
		[ "$(cat "$d/name")" = "$name" ] || continue
		case $name in
		vivid-000-vid-cap|vim2m) check "$name" -d "/dev/${d##*/}" -s 5;;
		*) check "$name" -d "/dev/${d##*/}";;
		esac
	done
done
# A camera that is a program, where a USB device can be one. Its nodes have the same name; the first has the frames.
want=7
if [ -e /dev/raw-gadget ]; then
	want=10
	/e2e/usb-camera serve &
	i=0
	until grep -qs "^UVC Camera" /sys/bus/media/devices/*/model || [ $i -eq 100 ]; do
		i=$((i + 1))
		sleep 0.1
	done
	for d in /sys/class/video4linux/*; do
		case $(cat "$d/name") in "UVC Camera"*) ;; *) continue;; esac
		case $(cat "$d/index") in
		0) check "uvc frames" -d "/dev/${d##*/}" -s 5;;
		*) check "uvc metadata" -d "/dev/${d##*/}";;
		esac
	done
fi
# With all of its nodes
for d in /sys/bus/media/devices/*; do
	model=$(cat "$d/model")
	case $model in
	'VIMC MDEV'|vim2m|vicodec|'UVC Camera'*) check "media of $model" -m "/dev/${d##*/}";;
	esac
done
if [ "$nodes" -ge $want ]; then
	echo "ok - v4l2-compliance ran on $nodes nodes"
else
	echo "not ok - v4l2-compliance ran on $nodes nodes of $want: $(cat /sys/class/video4linux/*/name | tr '\n' ' ')"
fi
