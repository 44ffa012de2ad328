/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What mc-cdevm.c needs of mc-devnode.c
 */
#ifndef _MC_CDEVM_PRIV_H
#define _MC_CDEVM_PRIV_H

#include <linux/fs.h>

extern const struct file_operations media_devnode_fops;

#endif /* _MC_CDEVM_PRIV_H */
