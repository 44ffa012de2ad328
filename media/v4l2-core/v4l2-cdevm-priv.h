/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What v4l2-cdevm.c needs of v4l2-dev.c
 */
#ifndef _V4L2_CDEVM_PRIV_H
#define _V4L2_CDEVM_PRIV_H

#include <linux/fs.h>

extern const struct file_operations v4l2_fops;

#endif /* _V4L2_CDEVM_PRIV_H */
