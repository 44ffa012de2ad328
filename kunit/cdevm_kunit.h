/* SPDX-License-Identifier: GPL-2.0 */
/* What KUnit suites of cdevm share: files of a node, opened through the VFS. */
#ifndef _LIB_RESMGR_TESTS_CDEVM_KUNIT_H
#define _LIB_RESMGR_TESTS_CDEVM_KUNIT_H

#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/mount.h>

#include "kernel_compat.h"

/*
 * Open a character device, through a node on @mnt that is made for it the first
 * time. @mnt is one that only the test knows.
 */
static inline struct file *node_file(struct vfsmount *mnt, dev_t devt)
{
	struct dentry *root = mnt->mnt_root, *dentry;
	struct path path = { .mnt = mnt };
	struct file *file;
	char name[16];
	int ret = 0;

	snprintf(name, sizeof(name), "%u:%u", MAJOR(devt), MINOR(devt));
	inode_lock(d_inode(root));
	dentry = compat_lookup(root, name);
	if (!IS_ERR(dentry) && d_really_is_negative(dentry))
		ret = compat_mknod(root, dentry, devt);
	inode_unlock(d_inode(root));
	if (IS_ERR(dentry))
		return ERR_CAST(dentry);
	path.dentry = dentry;
	file = ret ? ERR_PTR(ret) : dentry_open(&path, O_RDWR, current_cred());
	dput(dentry);
	return file;
}

#endif /* _LIB_RESMGR_TESTS_CDEVM_KUNIT_H */
