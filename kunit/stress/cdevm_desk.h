/* SPDX-License-Identifier: GPL-2.0 */
/* Interface between cdevm_desk.c and the programs that use it. */
#ifndef CDEVM_DESK_H
#define CDEVM_DESK_H

#include <linux/ioctl.h>

/* The driver, its device and its misc device; the cdev has parameter "major". */
#define DESK_DRIVER	"cdevm-desk"
/* The misc device of the scope that DESK_MAKE makes. */
#define DESK_DRAWER	"cdevm-drawer"

#define DESK_PONG	21

#define DESK_PING	_IO('k', 0x60)	/* DESK_PONG */
#define DESK_ACTION	_IO('k', 0x61)	/* adds an action to the file, seen in "actions" */
#define DESK_ANON	_IO('k', 0x62)	/* a file descriptor on no node */
#define DESK_DATA	_IO('k', 0x63)	/* there is something to read: poll */
#define DESK_SLEEP	_IO('k', 0x64)	/* killably, until the node or the device goes */
#define DESK_STAY	_IO('k', 0x65)	/* interruptibly; nobody ends it */
#define DESK_DEL	_IO('k', 0x66)	/* takes back the cdev, or for 1 the misc device */
#define DESK_MAKE	_IO('k', 0x67)	/* makes DESK_DRAWER */
#define DESK_BREAK	_IO('k', 0x68)	/* ends it, also from a call of its own */
#define DESK_DOZE	_IO('k', 0x69)	/* as DESK_STAY, in a sleep that may be frozen */

#endif /* CDEVM_DESK_H */
