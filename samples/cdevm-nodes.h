/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* What user space sees of cdevm-nodes. */
#ifndef _CDEVM_NODES_H
#define _CDEVM_NODES_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* How often the hardware was asked: what read() of the other nodes returns. */
struct nodes_count {
	__u32 count;
};

/* Of the DRM node: the first of the ioctls that DRM leaves to drivers. */
#define NODES_IOC_DRM_COUNT	_IOR('d', 0x40, struct nodes_count)

#endif /* _CDEVM_NODES_H */
