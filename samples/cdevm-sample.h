/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* What user space sees of cdevm-sample and of devm-sample, its broken twin. */
#ifndef _CDEVM_SAMPLE_H
#define _CDEVM_SAMPLE_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct sample_stats - result of %SAMPLE_IOC_GET_STATS
 * @opens: successful open() calls on the nodes of this binding
 * @releases: how many of them have been released again
 * @users: what the hardware believes to be open
 * @bytes: bytes that went through the hardware
 * @level: bytes in the FIFO now
 */
struct sample_stats {
	__u32 opens;
	__u32 releases;
	__u32 users;
	__u32 bytes;
	__u32 level;
};

#define SAMPLE_FIFO_SIZE	64

#define SAMPLE_IOC_GET_STATS	_IOR(0xcd, 0x01, struct sample_stats)

#endif /* _CDEVM_SAMPLE_H */
