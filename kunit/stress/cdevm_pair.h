/* SPDX-License-Identifier: GPL-2.0 */
/* Interface between cdevm_pair.c and the programs that use it. */
#ifndef CDEVM_PAIR_H
#define CDEVM_PAIR_H

#include <linux/ioctl.h>

/* The driver; its devices and their nodes are PAIR_DRIVER ".0" and so on. */
#define PAIR_DRIVER	"cdevm-pair"
#define PAIR_DEVICES	2

/* Sleeps that the driver does not end when the device goes; parameter "wake" does. */
#define PAIR_SLEEP	_IO('p', 0x60)	/* interruptible, counted in "sleeps" */
#define PAIR_SLEEP_HARD	_IO('p', 0x61)	/* uninterruptible, then touches the hardware */
#define PAIR_LOCK	_IO('p', 0x62)	/* that, then waits for the device lock; killable */
/* Unbinds the device with the number that is the argument, from inside the call. */
#define PAIR_RELEASE	_IO('p', 0x63)

/* For parameter "open_sleeps": how open() of a node sleeps, under misc_mtx. */
#define PAIR_OPEN_SLEEPS	1	/* interruptible */
#define PAIR_OPEN_SLEEPS_HARD	2	/* uninterruptible */

#endif /* CDEVM_PAIR_H */
