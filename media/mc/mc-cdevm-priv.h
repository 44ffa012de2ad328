/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What mc-cdevm.c and mc-devnode.c need of each other
 */
#ifndef _MC_CDEVM_PRIV_H
#define _MC_CDEVM_PRIV_H

#include <linux/cdevm.h>
#include <linux/fs.h>
#include <media/media-device.h>
#include <media/media-devnode.h>

extern const struct file_operations media_devnode_fops;

/* Before the cdev and the device are added. */
static inline void media_cdevm_wrap(struct media_device *mdev,
				    struct media_devnode *devnode)
{
#ifdef CONFIG_CDEVM
	if (!mdev->cdevm)
		return;
	cdevm_node_wrap(mdev->cdevm, &devnode->cdev);
	cdevm_node_hold(mdev->cdevm, &devnode->dev);
#endif
}

#endif /* _MC_CDEVM_PRIV_H */
