/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the KUnit suites of cdevm: files of a node, opened through the VFS;
 * notes.
 */
#ifndef _LIB_RESMGR_TESTS_CDEVM_KUNIT_H
#define _LIB_RESMGR_TESTS_CDEVM_KUNIT_H

#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/mnt_idmapping.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/string.h>

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

/* Open a character device, through its node on @mnt. */
static inline struct file *node_file(struct vfsmount *mnt, dev_t devt)
{
	struct path path = { .mnt = mnt };
	struct file *file;

	path.dentry = node_dentry(mnt, devt, 0);
	if (IS_ERR(path.dentry))
		return ERR_CAST(path.dentry);
	file = dentry_open(&path, O_RDWR, current_cred());
	dput(path.dentry);
	return file;
}

/*
 * This has happened since the last look, in this order, and nothing else. What has,
 * is the suite's to know: it has an expect_notes() of its own.
 */
#define EXPECT_NOTES(test, ...)						\
do {									\
	static const char * const __want[] = { __VA_ARGS__ };		\
									\
	expect_notes(test, __want, ARRAY_SIZE(__want));			\
} while (0)

#define EXPECT_NO_NOTES(test)	expect_notes(test, NULL, 0)

#endif /* _LIB_RESMGR_TESTS_CDEVM_KUNIT_H */
