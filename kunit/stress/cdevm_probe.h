/* SPDX-License-Identifier: GPL-2.0 */
/* Interface between cdevm_probe.c and the programs that use it. */
#ifndef CDEVM_PROBE_H
#define CDEVM_PROBE_H

#include <linux/ioctl.h>

/* The driver and its device; that of the parent, which has no nodes. */
#define PROBE_DRIVER	"cdevm-probe"
#define PROBE_PARENT	"cdevm-probe-parent"

/* Minors of one cdev, and behind them those of others: */
#define PROBE_MINORS	4
#define PROBE_SWAP	PROBE_MINORS	/* open() replaces f_op */
#define PROBE_MOVE	(PROBE_MINORS + 1)	/* open() replaces f_mapping */
/*
 * Another driver's, without a scope: mmap() sleeps until parameter "slow" is
 * written. With a page offset it first hands the mapping over to the file with
 * that descriptor, which makes it at PROBE_MAP_REGS.
 */
#define PROBE_SLOW	(PROBE_MINORS + 2)
#define PROBE_NODES	(PROBE_MINORS + 3)

/* Results, to be told from those of the kernel's. */
#define PROBE_PONG		32	/* of PROBE_PING by ioctl() */
#define PROBE_COMPAT_PONG	33	/* the same from a 32-bit task */
#define PROBE_SEEK		42	/* of lseek() */
#define PROBE_DONE		7	/* bytes, of a request that was completed */

#define PROBE_PING		_IO('p', 0x70)
/* Sleeps that the driver does not end when the device goes; parameter "wake" does. */
#define PROBE_SLEEP		_IO('p', 0x71)	/* interruptible */
#define PROBE_SLEEP_TAIL	_IO('p', 0x72)	/* the same, as the last call of the method */
#define PROBE_SLEEP_HARD	_IO('p', 0x73)	/* uninterruptible */
/* The device is unbound by its own driver: */
#define PROBE_LEAVE		_IO('p', 0x74)	/* as it should be */
#define PROBE_LEAVE_WRONG	_IO('p', 0x75)	/* from inside the call */
/* Requests that go on when their call has returned: */
#define PROBE_COMPLETE		_IO('p', 0x76)	/* complete the oldest */
#define PROBE_LAZY		_IO('p', 0x77)	/* argument: kick() does not complete them */
#define PROBE_DATA		_IO('p', 0x78)	/* there is something to read: poll, SIGIO */
#define PROBE_NEW_QUEUE		_IO('p', 0x79)	/* pollers: the old one goes; 1 if any was on it */
#define PROBE_NO_SIGIO		_IO('p', 0x7a)	/* the driver ends SIGIO for this file */

/* For IORING_OP_URING_CMD */
#define PROBE_CMD_NOW		1
#define PROBE_CMD_LATER		2
#define PROBE_CMD_CANCELABLE	3

/* What is mapped, by page offset: */
#define PROBE_MAP_RAM		0	/* entered by faults */
#define PROBE_MAP_REGS		1	/* entered by mmap(); given back at unbind */
#define PROBE_MAP_INSERT	2	/* a page with a reference, entered by mmap() */
#define PROBE_MAP_BARE		3	/* as REGS, without vm_operations */
#define PROBE_MAP_BAR		4	/* registers of QEMU's edu device, if there is one */

#define PROBE_RAM_BYTE		'r'
#define PROBE_REGS_BYTE		'h'
#define PROBE_GONE_BYTE		'd'	/* in REGS after the unbind */
#define PROBE_EDU_ID		0x010000edu

#endif /* CDEVM_PROBE_H */
