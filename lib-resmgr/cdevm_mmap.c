// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm: mappings
 *
 * At revoke every mapping of a scope is zapped: a later access faults, and the
 * fault is SIGBUS. That takes three things.
 *
 * Finding them. Each open file of the scope gets the address space of an inode
 * that the scope has for this, so that one unmap_mapping_range() reaches all
 * mappings, whatever inode the node was opened through. The driver's inode
 * cannot be used: one cdev has as many as somebody made with mknod.
 *
 * Keeping them from coming back. A fault calls into the driver, as do the other
 * methods of a mapping, so a mapping gets wrapped vm_operations with the gate
 * in front. A driver's fault that enters a page itself does so inside the gate.
 * A struct page that it returns is entered by the core a moment later, and may
 * be after the zap: that is memory with a reference on it, never a register.
 *
 * The gap in between. mmap() may fill in the page table before the mapping can
 * be found in the address space, and the driver's method has returned by then.
 * But all of that is done under the mmap_lock of the process. So the scope
 * remembers which processes have called, and when the calls are drained the
 * unbind takes the mmap_lock of each once: after that the mapping can be found,
 * and all is zapped once more. To count the call in the gate until the task is
 * back in user mode would be simpler; a debugger can keep it from getting there.
 */
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/kallsyms.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "cdevm_internal.h"
#include "kernel_compat.h"

/**
 * struct cdevm_vm_ops - operations of mappings, wrapped
 * @ops: what the core sees
 * @orig: the driver's
 * @scope: whose gate the calls go through. A mapping holds its file, which
 *	holds the scope
 * @next: another one of the same scope; constant once it is in the list
 */
struct cdevm_vm_ops {
	struct vm_operations_struct		ops;
	const struct vm_operations_struct	*orig;
	struct cdevm_scope			*scope;
	struct cdevm_vm_ops			*next;
};

static struct cdevm_vm_ops *cdevm_vma_ops(const struct vm_area_struct *vma)
{
	return container_of(vma->vm_ops, struct cdevm_vm_ops, ops);
}

#define CDEVM_VM_GATED(type, method, vma, refusal, params, ...)		\
static type cdevm_vm_##method params					\
{									\
	/* The mapping may be gone after the call, and the scope is not: */ \
	/* the binding holds it, and waits for who is inside. */	\
	return cdevm_call(cdevm_vma_ops(vma), refusal, method, __VA_ARGS__); \
}

CDEVM_VM_GATED(vm_fault_t, fault, vmf->vma, VM_FAULT_SIGBUS,
	       (struct vm_fault *vmf), vmf)
CDEVM_VM_GATED(vm_fault_t, huge_fault, vmf->vma, VM_FAULT_SIGBUS,
	       (struct vm_fault *vmf, unsigned int order), vmf, order)
/* Not an error: nothing was mapped around the fault, which fails by itself. */
CDEVM_VM_GATED(vm_fault_t, map_pages, vmf->vma, 0,
	       (struct vm_fault *vmf, pgoff_t start, pgoff_t end),
	       vmf, start, end)
CDEVM_VM_GATED(vm_fault_t, page_mkwrite, vmf->vma, VM_FAULT_SIGBUS,
	       (struct vm_fault *vmf), vmf)
CDEVM_VM_GATED(vm_fault_t, pfn_mkwrite, vmf->vma, VM_FAULT_SIGBUS,
	       (struct vm_fault *vmf), vmf)
CDEVM_VM_GATED(int, access, vma, -ENODEV,
	       (struct vm_area_struct *vma, unsigned long addr, void *buf,
		int len, int write), vma, addr, buf, len, write)
CDEVM_VM_GATED(int, mremap, vma, -ENODEV, (struct vm_area_struct *vma), vma)
CDEVM_VM_GATED(int, mprotect, vma, -ENODEV,
	       (struct vm_area_struct *vma, unsigned long start,
		unsigned long end, unsigned long flags),
	       vma, start, end, flags)

/*
 * One open for each close, whatever happened to the device: the driver counts
 * on it. Inside the gate if it still can be.
 */
#define CDEVM_VM_ALWAYS(method)						\
static void cdevm_vm_##method(struct vm_area_struct *vma)		\
{									\
	struct cdevm_vm_ops *wrapped = cdevm_vma_ops(vma);		\
	struct cdevm_scope *scope = wrapped->scope;			\
	struct cdevm_call call;						\
	bool entered = cdevm_begin(&call, scope, #method,		\
				   (void *)wrapped->orig->method);	\
									\
	wrapped->orig->method(vma);					\
	if (entered)							\
		cdevm_end(&call, scope);				\
}

CDEVM_VM_ALWAYS(open)
CDEVM_VM_ALWAYS(close)

/*
 * Every method there is, and what becomes of it: WRAP() for those that have the
 * gate in front, KEEP() for those that are called directly. The latter ask about
 * the mapping and not for the device; and mapped(), which is part of a call of
 * mmap(), for whose end the unbind waits.
 */
#define CDEVM_VM_METHODS(WRAP, KEEP)					\
	WRAP(open);							\
	WRAP(close);							\
	CDEVM_VM_MAPPED(KEEP)						\
	KEEP(may_split);						\
	WRAP(mremap);							\
	WRAP(mprotect);							\
	WRAP(fault);							\
	WRAP(huge_fault);						\
	WRAP(map_pages);						\
	KEEP(pagesize);							\
	WRAP(page_mkwrite);						\
	WRAP(pfn_mkwrite);						\
	WRAP(access);							\
	KEEP(name);							\
	CDEVM_VM_NUMA(KEEP)						\
	CDEVM_VM_FIND_PAGE(KEEP)					\
	CDEVM_VM_UFFD(KEEP)

#ifdef CONFIG_NUMA
#define CDEVM_VM_NUMA(how)						\
	how(set_policy);						\
	how(get_policy);
#else
#define CDEVM_VM_NUMA(how)
#endif

/* A kernel with a method that is not in the table does not compile. */
#define CDEVM_VM_COUNT(method)	void (*method)(void)
struct cdevm_vm_methods {
	CDEVM_VM_METHODS(CDEVM_VM_COUNT, CDEVM_VM_COUNT)
};

static_assert(sizeof(struct cdevm_vm_methods) == sizeof(struct vm_operations_struct));

static void cdevm_vm_ops_init(struct cdevm_vm_ops *wrapped,
			      struct cdevm_scope *scope,
			      const struct vm_operations_struct *orig)
{
	wrapped->orig = orig;
	wrapped->scope = scope;
#define CDEVM_VM_WRAP(method)						\
	(wrapped->ops.method = orig->method ? cdevm_vm_##method : NULL)
#define CDEVM_VM_KEEP(method)	(wrapped->ops.method = orig->method)
	CDEVM_VM_METHODS(CDEVM_VM_WRAP, CDEVM_VM_KEEP)
}

/*
 * The wrapped operations for @orig. A driver has few of them, and they stay
 * until the scope goes. The list only grows, at its head: readers need no lock,
 * and of two who add the same both are right.
 */
static struct cdevm_vm_ops *cdevm_wrap_vm_ops(struct cdevm_scope *scope,
					      const struct vm_operations_struct *orig,
					      struct cdevm_vm_ops **spare)
{
	struct cdevm_vm_ops *wrapped, *first;

	/* With the release below: what is in the list is there in full. */
	first = smp_load_acquire(&scope->vm_ops);
	for (wrapped = first; wrapped; wrapped = wrapped->next)
		if (wrapped->orig == orig)
			return wrapped;

	wrapped = *spare;
	*spare = NULL;
	cdevm_vm_ops_init(wrapped, scope, orig);
	wrapped->next = first;
	while (!try_cmpxchg_release(&scope->vm_ops, &wrapped->next, wrapped))
		;
	return wrapped;
}

/**
 * struct cdevm_mapper - a process that has called mmap()
 * @link: on &cdevm_scope.mappers, protected by its lock
 * @mm: held, without what is mapped
 */
struct cdevm_mapper {
	struct list_head	link;
	struct mm_struct	*mm;
};

static void cdevm_free_mappers(struct list_head *mappers)
{
	struct cdevm_mapper *mapper, *next;

	list_for_each_entry_safe(mapper, next, mappers, link) {
		mmdrop(mapper->mm);
		kfree(mapper);
	}
}

/* Under the mmap_lock, so no other call can remember the same process meanwhile. */
static int cdevm_remember_mapper(struct cdevm_scope *scope, struct mm_struct *mm)
{
	struct cdevm_mapper *mapper, *next;
	LIST_HEAD(dead);
	bool known = false;

	mmap_assert_write_locked(mm);

	spin_lock(&scope->mappers_lock);
	list_for_each_entry_safe(mapper, next, &scope->mappers, link) {
		known |= mapper->mm == mm;
		/* A process that has exited maps no more. */
		if (!atomic_read(&mapper->mm->mm_users))
			list_move(&mapper->link, &dead);
	}
	spin_unlock(&scope->mappers_lock);
	cdevm_free_mappers(&dead);
	if (known)
		return 0;

	mapper = kmalloc_obj(*mapper, GFP_KERNEL);
	if (!mapper)
		return -ENOMEM;
	mmgrab(mm);
	mapper->mm = mm;
	spin_lock(&scope->mappers_lock);
	list_add(&mapper->link, &scope->mappers);
	spin_unlock(&scope->mappers_lock);
	return 0;
}

/* With no call in the gate any more: wait for what is left of those of mmap(). */
void cdevm_wait_mappers(struct cdevm_scope *scope)
{
	struct cdevm_mapper *mapper;
	LIST_HEAD(mappers);

	spin_lock(&scope->mappers_lock);
	list_splice_init(&scope->mappers, &mappers);
	spin_unlock(&scope->mappers_lock);
	list_for_each_entry(mapper, &mappers, link) {
		mmap_read_lock(mapper->mm);
		mmap_read_unlock(mapper->mm);
	}
	cdevm_free_mappers(&mappers);
}

/*
 * Enter the gate for a mapping, with what it takes allocated before the driver
 * is called, so that nothing fails after.
 */
static int cdevm_begin_mmap(struct cdevm_call *call, struct cdevm_scope *scope,
			    void *fn, struct mm_struct *mm,
			    struct cdevm_vm_ops **spare)
{
	int ret;

	if (!cdevm_begin(call, scope, "mmap", fn))
		return -ENODEV;
	ret = cdevm_remember_mapper(scope, mm);
	if (!ret) {
		*spare = cdevm_kzalloc(scope, sizeof(**spare), GFP_KERNEL);
		ret = *spare ? 0 : -ENOMEM;
	}
	if (ret)
		cdevm_end(call, scope);
	return ret;
}

static void cdevm_end_mmap(struct cdevm_call *call, struct cdevm_scope *scope,
			   struct cdevm_vm_ops *spare)
{
	cdevm_kfree(scope, spare);
	cdevm_end(call, scope);
}

/* The mmap method of a node. */
int cdevm_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct cdevm_fops *wrapped = cdevm_file_fops(file);
	struct cdevm_scope *scope = wrapped->scope;
	struct cdevm_vm_ops *spare;
	struct cdevm_call call;
	int ret;

	ret = cdevm_begin_mmap(&call, scope, (void *)wrapped->orig->mmap,
			       vma->vm_mm, &spare);
	if (ret)
		return ret;
	ret = wrapped->orig->mmap(file, vma);
	/* A driver may hand the mapping over to another file: not ours any more. */
	if (!ret && vma->vm_ops && vma->vm_file == file)
		vma->vm_ops = &cdevm_wrap_vm_ops(scope, vma->vm_ops, &spare)->ops;
	cdevm_end_mmap(&call, scope, spare);
	return ret;
}

#ifdef CDEVM_HAS_MMAP_PREPARE
/* The mmap_prepare method of a node. What it asks for is done under the mmap_lock. */
int cdevm_mmap_prepare(struct vm_area_desc *desc)
{
	struct cdevm_fops *wrapped = cdevm_file_fops(desc->file);
	struct cdevm_scope *scope = wrapped->scope;
	struct cdevm_vm_ops *spare;
	struct cdevm_call call;
	int ret;

	ret = cdevm_begin_mmap(&call, scope, (void *)wrapped->orig->mmap_prepare,
			       desc->mm, &spare);
	if (ret)
		return ret;
	ret = wrapped->orig->mmap_prepare(desc);
	if (!ret && desc->vm_ops && desc->vm_file == desc->file)
		desc->vm_ops = &cdevm_wrap_vm_ops(scope, desc->vm_ops, &spare)->ops;
	cdevm_end_mmap(&call, scope, spare);
	return ret;
}
#endif

bool cdevm_can_map(const struct file_operations *fops)
{
#ifdef CDEVM_HAS_MMAP_PREPARE
	if (fops->mmap_prepare)
		return true;
#endif
	return fops->mmap;
}

/* "cdvm". Nobody sees it: nothing can be looked up there. */
#define CDEVM_FS_MAGIC	0x6364766d

static int cdevm_init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, CDEVM_FS_MAGIC) ? 0 : -ENOMEM;
}

static struct file_system_type cdevm_fs_type = {
	.name			= "cdevm",
	.owner			= THIS_MODULE,
	.init_fs_context	= cdevm_init_fs_context,
	.kill_sb		= kill_anon_super,
};

/* Both are changed by simple_pin_fs(), under a lock of its own. */
static struct vfsmount *cdevm_mnt;
static int cdevm_mnt_count;

/*
 * Make the address space of a scope, for its first node that can be mapped.
 * Under the scope's lock, as all publishing is.
 */
int cdevm_mapping_init(struct cdevm_scope *scope)
{
	struct inode *inode;
	int ret;

	lockdep_assert_held(&scope->lock);

	if (scope->inode)
		return 0;
	ret = simple_pin_fs(&cdevm_fs_type, &cdevm_mnt, &cdevm_mnt_count);
	if (ret)
		return ret;
	inode = alloc_anon_inode(cdevm_mnt->mnt_sb);
	if (IS_ERR(inode)) {
		simple_release_fs(&cdevm_mnt, &cdevm_mnt_count);
		return PTR_ERR(inode);
	}
	/* Files of other nodes may be opened now; that they see it does no harm. */
	WRITE_ONCE(scope->inode, inode);
	return 0;
}

/* No file and so no mapping is left. */
void cdevm_mapping_destroy(struct cdevm_scope *scope)
{
	/* Left over when the unbind could not wait. */
	cdevm_free_mappers(&scope->mappers);
	if (!scope->inode)
		return;
	iput(scope->inode);
	simple_release_fs(&cdevm_mnt, &cdevm_mnt_count);
}

/* Before the driver's open: it may want to change the mapping's properties. */
void cdevm_set_mapping(struct file *file, struct cdevm_scope *scope)
{
	struct inode *inode = READ_ONCE(scope->inode);

	if (inode)
		file->f_mapping = inode->i_mapping;
}

/* Unmap everything, private copies as well: what they show is not true any more. */
void cdevm_zap(struct cdevm_scope *scope)
{
	if (scope->inode)
		unmap_mapping_range(scope->inode->i_mapping, 0, 0, 1);
}
