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
 * @next: those of the node that was published before
 */
struct cdevm_fops {
	struct file_operations		fops;
	const struct file_operations	*orig;
	struct cdevm_scope		*scope;
	const char			*name;
	struct cdevm_fops		*next;
};

/*
 * Call a method of wrapped operations, of a file or of a mapping, inside the
 * gate of their scope, or refuse.
 */
#define cdevm_call(_wrapped, refusal, method, ...)			\
({									\
	typeof(_wrapped) __wrapped = (_wrapped);			\
	struct cdevm_scope *__scope = __wrapped->scope;			\
	typeof(__wrapped->orig->method(__VA_ARGS__)) __ret = (refusal);	\
									\
	if (cdevm_enter(__scope)) {					\
		__ret = __wrapped->orig->method(__VA_ARGS__);		\
		cdevm_exit(__scope);					\
	}								\
	__ret;								\
})

static inline struct cdevm_fops *cdevm_file_fops(const struct file *file)
{
	return container_of(file->f_op, struct cdevm_fops, fops);
}

void cdevm_fops_init(struct cdevm_fops *wrapped, struct cdevm_scope *scope,
		     const struct file_operations *orig, const char *name);

/* Mappings, in cdevm_mmap.c */
struct vm_area_struct;
struct vm_area_desc;
bool cdevm_can_map(const struct file_operations *fops);
int cdevm_mapping_init(struct cdevm_scope *scope);
void cdevm_mapping_destroy(struct cdevm_scope *scope);
void cdevm_set_mapping(struct file *file, struct cdevm_scope *scope);
void cdevm_zap(struct cdevm_scope *scope);
int cdevm_mmap(struct file *file, struct vm_area_struct *vma);
int cdevm_mmap_prepare(struct vm_area_desc *desc);

/* Who is inside, in cdevm_calls.c */
bool cdevm_warn_self(struct cdevm_scope *scope);
void cdevm_interrupt_calls(struct cdevm_scope *scope, bool tell);
const char *cdevm_fops_method(unsigned long function);
const char *cdevm_vm_method(unsigned long function);

/* Remove every node, newest first. None can be added any more. */
void cdevm_unpublish(struct cdevm_scope *scope);

#endif /* _LIB_RESMGR_CDEVM_INTERNAL_H */
