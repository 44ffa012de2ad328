// SPDX-License-Identifier: GPL-2.0
/*
 * drivers/char/xilinx_hwicap as one file, for a machine other than Microblaze
 *
 * The driver is made of three files, and of two accessors that only that
 * architecture and PowerPC have.
 */
#include <linux/io.h>

#define in_be32(address)		ioread32be(address)
#define out_be32(address, value)	iowrite32be(value, address)

#include "xilinx_hwicap.c"
#include "buffer_icap.c"
#include "fifo_icap.c"
