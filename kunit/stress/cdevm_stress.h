/* SPDX-License-Identifier: GPL-2.0 */
/* Interface between cdevm_stress.c and the program that torments it. */
#ifndef CDEVM_STRESS_H
#define CDEVM_STRESS_H

#include <linux/ioctl.h>

/* /dev/cdevm-stress-dN: a cdev with a device; /dev/cdevm-stress-mN: a misc device. */
#define STRESS_DRIVER	"cdevm-stress"
/*
 * Minors of device N: from N * STRESS_MINORS on. The first is that of -dN, the
 * others have no node in /dev.
 */
#define STRESS_MINORS	4
#define STRESS_DEVICES_MAX 16

/* The first word of what mmap() shows, while anybody can see it. */
#define STRESS_PAGE_MAGIC 0x5eedbeefu

/* The argument of those that sleep is in milliseconds; that of LOOSE is how often. */
#define STRESS_IOC_SLEEP	_IO('~', 0x60)	/* uninterruptible */
#define STRESS_IOC_WAIT		_IO('~', 0x61)	/* for data, interruptible */
#define STRESS_IOC_WAIT_TIMEOUT	_IO('~', 0x62)	/* the same, with a timeout */
#define STRESS_IOC_WAIT_KILL	_IO('~', 0x63)	/* for data, killable; kick() wakes it */
#define STRESS_IOC_HOLD		_IO('~', 0x64)	/* a work item that keeps the scope */
#define STRESS_IOC_ADD		_IO('~', 0x65)	/* a resource, in order */
#define STRESS_IOC_RELEASE	_IO('~', 0x66)	/* release the newest of these now */
#define STRESS_IOC_REMOVE	_IO('~', 0x67)	/* take the newest of these off, unreleased */
#define STRESS_IOC_LOOSE	_IO('~', 0x68)	/* resources added and released by many at once */
#define STRESS_IOC_TOUCH	_IO('~', 0x69)	/* look at all memory */
#define STRESS_IOCS		10
#define STRESS_IOC(n)		_IO('~', 0x60 + (n))

#endif /* CDEVM_STRESS_H */
