/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cdevm: what its parts share
 */
#ifndef _LIB_RESMGR_CDEVM_INTERNAL_H
#define _LIB_RESMGR_CDEVM_INTERNAL_H

#include <linux/cdevm.h>

/**
 * struct cdevm_fops - file operations of a published node, wrapped
 * @fops: what the VFS sees
 * @orig: the driver's
 * @scope: whose gate the calls go through, and which each open file holds
 * @name: of the node, for traces
 */
struct cdevm_fops {
	struct file_operations		fops;
	const struct file_operations	*orig;
	struct cdevm_scope		*scope;
	const char			*name;
};

void cdevm_fops_init(struct cdevm_fops *wrapped, struct cdevm_scope *scope,
		     const struct file_operations *orig, const char *name);

/* Remove every node, newest first. None can be added any more. */
void cdevm_unpublish(struct cdevm_scope *scope);

#endif /* _LIB_RESMGR_CDEVM_INTERNAL_H */
