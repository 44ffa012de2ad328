/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the KUnit suites of cdevm: files of a node, opened through the VFS */
#ifndef _LIB_RESMGR_TESTS_CDEVM_KUNIT_H
#define _LIB_RESMGR_TESTS_CDEVM_KUNIT_H

#include <kunit/test.h>
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/mnt_idmapping.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/string.h>

/* Get @count minors, and a file system for nodes that only the test knows. */
static inline int nodes_begin(struct vfsmount **mnt, dev_t *devt, unsigned int count,
			      const char *name)
{
	int ret = alloc_chrdev_region(devt, 0, count, name);

	if (ret)
		return ret;
	*mnt = kern_mount(get_fs_type("ramfs"));
	if (!IS_ERR(*mnt))
		return 0;
	ret = PTR_ERR(*mnt);
	*mnt = NULL;
	unregister_chrdev_region(*devt, count);
	return ret;
}

static inline void nodes_end(struct vfsmount *mnt, dev_t devt, unsigned int count)
{
	kern_unmount(mnt);
	unregister_chrdev_region(devt, count);
}

/*
 * Node number @nr of a character device on @mnt, which is made the first time. @mnt
 * is one that only the test knows.
 */
static inline struct dentry *node_dentry(struct vfsmount *mnt, dev_t devt,
					 unsigned int nr)
{
	struct dentry *root = mnt->mnt_root, *dentry;
	char name[32];
	int ret = 0;

	snprintf(name, sizeof(name), "%u:%u.%u", MAJOR(devt), MINOR(devt), nr);
	inode_lock(d_inode(root));
	dentry = lookup_noperm(&QSTR(name), root);
	if (!IS_ERR(dentry) && d_really_is_negative(dentry))
		ret = vfs_mknod(&nop_mnt_idmap, d_inode(root), dentry,
				S_IFCHR | 0600, devt, NULL);
	inode_unlock(d_inode(root));
	if (ret) {
		dput(dentry);
		return ERR_PTR(ret);
	}
	return dentry;
}

/* flock() of a file, or its end */
static inline int lock_file(struct file *file, int type)
{
	struct file_lock fl;

	locks_init_lock(&fl);
	fl.c.flc_file = file;
	fl.c.flc_flags = FL_FLOCK;
	fl.c.flc_type = type;
	return file->f_op->flock(file, F_SETLKW, &fl);
}

/* Open a character device, through its node number @nr on @mnt. */
static inline struct file *node_open(struct vfsmount *mnt, dev_t devt, unsigned int nr)
{
	struct path path = { .mnt = mnt };
	struct file *file;

	path.dentry = node_dentry(mnt, devt, nr);
	if (IS_ERR(path.dentry))
		return ERR_CAST(path.dentry);
	file = dentry_open(&path, O_RDWR, current_cred());
	dput(path.dentry);
	return file;
}

static inline struct file *node_file(struct vfsmount *mnt, dev_t devt)
{
	return node_open(mnt, devt, 0);
}

static inline struct file *node_must_open(struct kunit *test, struct vfsmount *mnt,
					  dev_t devt)
{
	struct file *file = node_file(mnt, devt);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	return file;
}

/* Now, and not by a worker. */
static inline void close_file(struct file *file)
{
	__fput_sync(file);
}

#endif /* _LIB_RESMGR_TESTS_CDEVM_KUNIT_H */
