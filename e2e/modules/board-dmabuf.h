/* SPDX-License-Identifier: GPL-2.0 */
/* What board-dmabuf.c, board-import.c and the program that uses them agree on. */
#ifndef BOARD_DMABUF_H
#define BOARD_DMABUF_H

#include <linux/ioctl.h>

#define DMABUF_DRIVER	"board-dmabuf"
#define DMABUF_IMPORT	"board-import"
#define DMABUF_SIZE	4096

/* Of board-dmabuf: a file descriptor of a buffer. */
#define DMABUF_RAM	_IO('k', 0x70)	/* one of its own memory */
#define DMABUF_CARD	_IO('k', 0x71)	/* the memory of the device */

/* Of board-import, whose every open file is one importer. */
#define IMPORT_DYNAMIC	_IO('k', 0x78)	/* attach the file that is passed: it is told of moves */
#define IMPORT_STATIC	_IO('k', 0x79)	/* the same, but it is not told */
#define IMPORT_READ	_IO('k', 0x7a)	/* map it, if it is not, and return the first byte */
#define IMPORT_TOLD	_IO('k', 0x7b)	/* how often it was told of a move */

#endif /* BOARD_DMABUF_H */
