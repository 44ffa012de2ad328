// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm: mappings
 */

/**
 * DOC: mappings
 *
 * At revoke every mapping of a scope is zapped: a later access faults, and the
 * fault is SIGBUS. That takes three things.
 *
 * Finding the mappings. Each open file of the scope gets the address space of
 * an inode that the scope has for this. So one unmap_mapping_range() reaches
 * all mappings, whatever inode the node was opened through. The driver's inode
 * cannot be used: a cdev has one for each mknod.
 *
 * Keeping them from coming back. A fault calls into the driver, as do the other
 * methods of a mapping. So a mapping gets wrapped vm_operations with the gate
 * in front. A driver's fault that enters a page itself does so inside the gate.
 * A struct page that it returns is entered by the core a moment later, perhaps
 * after the zap: that is memory with a reference, never a register.
 *
 * The gap in between. mmap() may fill the page table before the mapping can be
 * found in the address space, and the driver's method has returned by then. But
 * all of that is done under the mmap_lock of the process. So the scope
 * remembers the caller until that task returns to user mode. When the calls are
 * drained, the unbind waits for the remaining callers until the mmap_lock of
 * their process is free for a moment. Then the mapping can be found, and
 * everything is zapped once more. Waiting only for the task would be simpler;
 * but what it has unmapped may have a userfaultfd that nobody reads, and a
 * kernel thread never returns to user mode. Waiting only for the mmap_lock would
 * be simpler, too; but a process that has called once may be inside the mmap()
 * of another driver by now, for as long as that takes.
 *
 * None of this is done for nodes that a subsystem marks as having mappings that
 * stay: they show memory that the mapping itself keeps, such as the frames of a
 * camera. An application that reads a frame while the device is unplugged
 * should not be killed for that. Only new mappings are refused.
 */
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/printk.h>
#include <linux/pseudo_fs.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/task_work.h>

#include "internal.h"

/**
 * struct cdevm_vm_ops - wrapped operations of mappings
 * @ops: the operations that the core sees
 * @orig: the driver's operations
 * @scope: the calls go through its gate. A mapping holds its file, which holds
 *	the scope
 * @next: next one of the same scope; constant once it is on the list
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
	/* The mapping may be gone after the call, but the scope is not: */ \
	/* the binding holds it, and waits for the calls inside. */	\
	return cdevm_call(cdevm_vma_ops(vma), refusal, method, __VA_ARGS__); \
}

CDEVM_VM_GATED(vm_fault_t, fault, vmf->vma, VM_FAULT_SIGBUS,
	       (struct vm_fault *vmf), vmf)
CDEVM_VM_GATED(vm_fault_t, huge_fault, vmf->vma, VM_FAULT_SIGBUS,
	       (struct vm_fault *vmf, unsigned int order), vmf, order)
/*
 * Not an error: no surrounding pages were mapped, and the fault itself fails.
 */
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
/* Nothing is mapped any more, so it can be split anywhere. */
CDEVM_VM_GATED(int, may_split, vma, 0,
	       (struct vm_area_struct *vma, unsigned long addr), vma, addr)
CDEVM_VM_GATED(unsigned long, pagesize, vma, PAGE_SIZE,
	       (struct vm_area_struct *vma), vma)
CDEVM_VM_GATED(int, mprotect, vma, -ENODEV,
	       (struct vm_area_struct *vma, unsigned long start,
		unsigned long end, unsigned long flags),
	       vma, start, end, flags)

/*
 * Each open has one close, whatever happened to the device: the driver relies
 * on it. It runs inside the gate if possible.
 */
#define CDEVM_VM_ALWAYS(method)						\
static void cdevm_vm_##method(struct vm_area_struct *vma)		\
{									\
	struct cdevm_vm_ops *wrapped = cdevm_vma_ops(vma);		\
	struct cdevm_scope *scope = wrapped->scope;			\
	struct cdevm_call call __uninitialized;				\
	bool entered = cdevm_begin(&call, scope, "vm_" #method,		\
				   (void *)wrapped->orig->method);	\
	struct cdevm_late late;						\
									\
	if (!entered && !cdevm_late_begin(vma->vm_file, &late))	\
		return;							\
	wrapped->orig->method(vma);					\
	if (entered)							\
		cdevm_end(&call);					\
	else								\
		cdevm_late_end(&late);					\
}

CDEVM_VM_ALWAYS(open)
CDEVM_VM_ALWAYS(close)

/*
 * Every method and how it is handled: WRAP() if it has the gate in front;
 * KEEP() if it is called directly: mapped(), which is part of a call of mmap(),
 * whose end the unbind waits for. STICK() is for methods that are also called
 * directly, and that keep a file with such a mapping from letting go of the
 * driver: they return something of the driver's, or count references.
 */
#define CDEVM_VM_METHODS(WRAP, KEEP, STICK)				\
	WRAP(open);							\
	WRAP(close);							\
	KEEP(mapped);							\
	WRAP(may_split);						\
	WRAP(mremap);							\
	WRAP(mprotect);							\
	WRAP(fault);							\
	WRAP(huge_fault);						\
	WRAP(map_pages);						\
	WRAP(pagesize);							\
	WRAP(page_mkwrite);						\
	WRAP(pfn_mkwrite);						\
	WRAP(access);							\
	STICK(name);							\
	CDEVM_VM_NUMA(STICK)						\
	CDEVM_VM_FIND_PAGE(STICK)					\
	CDEVM_VM_UFFD(STICK)

#ifdef CONFIG_FIND_NORMAL_PAGE
#define CDEVM_VM_FIND_PAGE(how)	how(find_normal_page);
#else
#define CDEVM_VM_FIND_PAGE(how)
#endif

#ifdef CONFIG_USERFAULTFD
#define CDEVM_VM_UFFD(how)	how(uffd_ops);
#else
#define CDEVM_VM_UFFD(how)
#endif

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
	CDEVM_VM_METHODS(CDEVM_VM_COUNT, CDEVM_VM_COUNT, CDEVM_VM_COUNT)
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
#define CDEVM_VM_STICK(method)						\
do {									\
	wrapped->ops.method = orig->method;				\
	if (orig->method)						\
		WRITE_ONCE(scope->sticky, true);			\
} while (0)
	CDEVM_VM_METHODS(CDEVM_VM_WRAP, CDEVM_VM_KEEP, CDEVM_VM_STICK)
}

/*
 * Returns the wrapped operations for @orig. A driver has few of them, and they
 * stay as long as the scope. The list only grows, at its head: readers need no
 * lock, and if two tasks add the same operations, both entries work.
 */
static struct cdevm_vm_ops *cdevm_wrap_vm_ops(struct cdevm_scope *scope,
					      const struct vm_operations_struct *orig,
					      struct cdevm_vm_ops **spare)
{
	struct cdevm_vm_ops *wrapped, *first;

	/* Pairs with the release below: entries on the list are complete. */
	first = smp_load_acquire(&scope->vm_ops);
	for (wrapped = first; wrapped; wrapped = wrapped->next)
		if (wrapped->orig == orig || &wrapped->ops == orig)
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
 * struct cdevm_mapper - a call of mmap() that may still hold the mmap_lock
 * @work: runs when @task returns to user mode, and frees this
 * @link: link in &cdevm_scope.mappers, then on a list of cdevm_wait_mappers();
 *	empty when nobody needs to wait for it. Protected by cdevm_mappers_lock
 * @task: the calling task; valid while @link is not empty. %NULL for a task
 *	that never returns to user mode: then this stays until the unbind
 * @mm: the mm, held by mmgrab()
 */
struct cdevm_mapper {
	struct callback_head	work;
	struct list_head	link;
	struct task_struct	*task;
	struct mm_struct	*mm;
};

/*
 * Not in the scope, which may be freed when a task that was stopped returns to
 * user mode. Taken under the mmap_lock.
 */
static DEFINE_SPINLOCK(cdevm_mappers_lock);

static void cdevm_free_mapper(struct cdevm_mapper *mapper)
{
	mmdrop(mapper->mm);
	kfree(mapper);
}

static void cdevm_free_mappers(struct list_head *mappers)
{
	struct cdevm_mapper *mapper, *next;

	list_for_each_entry_safe(mapper, next, mappers, link)
		cdevm_free_mapper(mapper);
}

/* The task is about to return to user mode, or exits. */
static void cdevm_mapper_returns(struct callback_head *work)
{
	struct cdevm_mapper *mapper = container_of(work, struct cdevm_mapper, work);

	spin_lock(&cdevm_mappers_lock);
	list_del(&mapper->link);
	spin_unlock(&cdevm_mappers_lock);
	cdevm_free_mapper(mapper);
	module_put(THIS_MODULE);
}

/* Stop waiting for the callers of @mm, or for all if it is %NULL. */
static void cdevm_forget_mappers(struct list_head *mappers, const struct mm_struct *mm)
{
	struct cdevm_mapper *mapper, *next;
	LIST_HEAD(stay);

	spin_lock(&cdevm_mappers_lock);
	list_for_each_entry_safe(mapper, next, mappers, link) {
		if (mm && mapper->mm != mm)
			continue;
		if (mapper->task)
			list_del_init(&mapper->link);
		else
			list_move(&mapper->link, &stay);
	}
	spin_unlock(&cdevm_mappers_lock);
	cdevm_free_mappers(&stay);
}

static bool cdevm_knows_mapper(struct cdevm_scope *scope, const struct mm_struct *mm)
{
	struct cdevm_mapper *mapper, *next;
	LIST_HEAD(dead);
	bool known = false;

	spin_lock(&cdevm_mappers_lock);
	list_for_each_entry_safe(mapper, next, &scope->mappers, link) {
		known |= mapper->mm == mm && (!mapper->task || mapper->task == current);
		/* A process that has exited maps no more. */
		if (!mapper->task && !atomic_read(&mapper->mm->mm_users))
			list_move(&mapper->link, &dead);
	}
	spin_unlock(&cdevm_mappers_lock);
	cdevm_free_mappers(&dead);
	return known;
}

/* Called under the mmap_lock. The record frees itself. */
static int cdevm_remember_mapper(struct cdevm_scope *scope, struct mm_struct *mm)
{
	struct cdevm_mapper *mapper;

	mmap_assert_write_locked(mm);

	if (cdevm_knows_mapper(scope, mm))
		return 0;
	mapper = kzalloc_obj(*mapper, GFP_KERNEL);
	if (!mapper)
		return -ENOMEM;
	mmgrab(mm);
	mapper->mm = mm;
	init_task_work(&mapper->work, cdevm_mapper_returns);
	/*
	 * The work does not run before this call is over. It cannot be added in
	 * exit. A userfaultfd can delay it for longer than the scope exists.
	 */
	if (!(current->flags & (PF_KTHREAD | PF_USER_WORKER)) &&
	    !task_work_add(current, &mapper->work, TWA_RESUME)) {
		mapper->task = current;
		__module_get(THIS_MODULE);
	}
	spin_lock(&cdevm_mappers_lock);
	list_add(&mapper->link, &scope->mappers);
	spin_unlock(&cdevm_mappers_lock);
	return 0;
}

/*
 * Returns the mm of a caller that has not returned, with a reference. Reports
 * it if @tell.
 */
static struct mm_struct *cdevm_next_mapper(const struct cdevm_scope *scope,
					   struct list_head *mappers, bool tell)
{
	struct cdevm_mapper *mapper;
	struct mm_struct *mm = NULL;
	char comm[TASK_COMM_LEN] = "a kernel thread";
	pid_t pid = 0;

	spin_lock(&cdevm_mappers_lock);
	mapper = list_first_entry_or_null(mappers, struct cdevm_mapper, link);
	if (mapper) {
		mm = mapper->mm;
		mmgrab(mm);
		if (mapper->task) {
			strscpy(comm, mapper->task->comm);
			pid = task_pid_nr(mapper->task);
		}
	}
	spin_unlock(&cdevm_mappers_lock);
	if (mm && tell)
		pr_warn("cdevm: %s: unbind waits for %s[%d], which has called mmap() of the driver and holds the mmap_lock\n",
			scope->name, comm, pid);
	return mm;
}

/**
 * cdevm_wait_mappers() - wait for the rest of the calls of mmap()
 * @scope: scope with no call inside the gate
 *
 * The driver's part of each call is over. This only tries the mmap_lock: its
 * holder may be another task than the one that is waited for, which may return
 * meanwhile.
 *
 * Context: Process context, sleeps.
 */
void cdevm_wait_mappers(struct cdevm_scope *scope)
{
	unsigned long report = jiffies + CDEVM_REPORT_AFTER;
	struct mm_struct *mm;
	LIST_HEAD(mappers);
	bool tell, over;

	/* Later callers are refused. */
	spin_lock(&cdevm_mappers_lock);
	list_splice_init(&scope->mappers, &mappers);
	spin_unlock(&cdevm_mappers_lock);

	/*
	 * A call of mmap() that unbinds a device holds the lock itself, and so no
	 * other task is inside mmap() of the same mm.
	 */
	if (current->mm && cdevm_is_in_mapping_call())
		cdevm_forget_mappers(&mappers, current->mm);

	for (;;) {
		tell = time_after(jiffies, report);
		if (tell)
			report = jiffies + CDEVM_REPORT_AFTER;
		mm = cdevm_next_mapper(scope, &mappers, tell);
		if (!mm)
			return;
		over = mmap_read_trylock(mm);
		if (over) {
			mmap_read_unlock(mm);
			cdevm_forget_mappers(&mappers, mm);
		}
		mmdrop(mm);
		if (!over)
			schedule_timeout_uninterruptible(1);
	}
}

/* Returns true if a mapping of @file belongs to the scope. */
static bool cdevm_maps(const struct cdevm_scope *scope, const struct file *file)
{
	return file && cdevm_is_wrapped(file->f_op) &&
	       cdevm_file_fops(file)->scope == scope;
}

/*
 * Returns the manager for wrapped operations, which must live as long as a
 * file.
 */
static struct resmgr *cdevm_vm_memory(struct cdevm_scope *scope)
{
	return cdevm_releases_at_unbind(scope) ? &scope->steps[CDEVM_STEP_FREE] :
						 cdevm_mgr(scope);
}

/*
 * Called before the driver is called for a mapping. Allocates everything, so
 * that nothing can fail afterwards.
 */
static int cdevm_begin_mmap(struct cdevm_scope *scope, const struct file *file,
			    struct mm_struct *mm, struct cdevm_vm_ops **spare)
{
	int ret;

	if (cdevm_is_revoked(scope))
		return -ENODEV;
	/* The driver may have done it in an ioctl(). */
	if (WARN_ONCE(file->f_mapping != scope->inode->i_mapping,
		      "cdevm: %s: f_mapping was replaced before mmap()\n", scope->name))
		return -EINVAL;
	ret = cdevm_remember_mapper(scope, mm);
	if (ret)
		return ret;
	*spare = resmgr_kzalloc(cdevm_vm_memory(scope), sizeof(**spare), GFP_KERNEL);
	return *spare ? 0 : -ENOMEM;
}

/*
 * Called after the driver has created a mapping. A zap finds it if it is in the
 * address space of the scope. Returns true if the driver has prevented that.
 */
static bool cdevm_mmap_escapes(struct cdevm_scope *scope, struct file *file)
{
	struct address_space *mapping = scope->inode->i_mapping;

	if (likely(file->f_mapping == mapping))
		return false;
	WARN_ONCE(1, "cdevm: %s: mmap() replaced f_mapping\n", scope->name);
	/* The core goes on with the original address space. */
	file->f_mapping = mapping;
	return true;
}

/*
 * Returns true if methods of the driver would be called for a mapping after its
 * file was released at unbind: what they use is freed then.
 */
static bool cdevm_stays_too_long(const struct cdevm_fops *wrapped,
				 const struct vm_operations_struct *ops,
				 const struct file *file)
{
	/* The core's for a mapping that the driver gives none are empty. */
	if (!wrapped->listed || !ops || !memchr_inv(ops, 0, sizeof(*ops)) ||
	    !cdevm_maps(wrapped->scope, file))
		return false;
	WARN_ONCE(1, "cdevm: %s: %s: a mapping with methods would stay when its file is released\n",
		  wrapped->scope->name, wrapped->name);
	return true;
}

/* A mapping that fails for the core has begun for the driver: end it there. */
static int cdevm_mmap_fails(struct vm_area_struct *vma)
{
	if (vma->vm_ops && vma->vm_ops->close)
		vma->vm_ops->close(vma);
	return -EINVAL;
}

/*
 * Make a mapping that stays. One that must not is ended inside the gate: its
 * methods are not wrapped, and an unbind waits for nobody who makes such a
 * mapping once the call has left.
 */
static int cdevm_mmap_stays(struct file *file, struct vm_area_struct *vma)
{
	struct cdevm_fops *wrapped = cdevm_file_fops(file);
	struct cdevm_scope *scope = wrapped->scope;
	struct cdevm_call call __uninitialized;
	int ret;

	if (!cdevm_begin(&call, scope, "mmap", (void *)wrapped->orig->mmap))
		return -ENODEV;
	ret = wrapped->orig->mmap(file, vma);
	if (!ret && cdevm_stays_too_long(wrapped, vma->vm_ops, vma->vm_file))
		ret = cdevm_mmap_fails(vma);
	cdevm_end(&call);
	return ret;
}

/* The mmap method of a node. */
int cdevm_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct cdevm_fops *wrapped = cdevm_file_fops(file);
	struct cdevm_scope *scope = wrapped->scope;
	struct cdevm_vm_ops *spare;
	int ret;

	if (wrapped->mappings_stay)
		return cdevm_mmap_stays(file, vma);
	ret = cdevm_begin_mmap(scope, file, vma->vm_mm, &spare);
	if (ret)
		return ret;
	ret = cdevm_call(wrapped, -ENODEV, mmap, file, vma);
	if (!ret && vma->vm_ops && cdevm_maps(scope, vma->vm_file))
		vma->vm_ops = &cdevm_wrap_vm_ops(scope, vma->vm_ops, &spare)->ops;
	if (!ret && cdevm_mmap_escapes(scope, file))
		ret = cdevm_mmap_fails(vma);
	resmgr_kfree(cdevm_vm_memory(scope), spare);
	return ret;
}

/*
 * The mmap_prepare method of a node. The core does what it requests under the
 * mmap_lock.
 */
int cdevm_mmap_prepare(struct vm_area_desc *desc)
{
	struct cdevm_fops *wrapped = cdevm_file_fops(desc->file);
	struct cdevm_scope *scope = wrapped->scope;
	struct cdevm_vm_ops *spare;
	int ret;

	if (wrapped->mappings_stay) {
		ret = cdevm_call(wrapped, -ENODEV, mmap_prepare, desc);
		if (!ret && cdevm_stays_too_long(wrapped, desc->vm_ops, desc->vm_file))
			ret = -EINVAL;
		return ret;
	}
	ret = cdevm_begin_mmap(scope, desc->file, desc->mm, &spare);
	if (ret)
		return ret;
	ret = cdevm_call(wrapped, -ENODEV, mmap_prepare, desc);
	if (!ret && desc->vm_ops && cdevm_maps(scope, desc->vm_file))
		desc->vm_ops = &cdevm_wrap_vm_ops(scope, desc->vm_ops, &spare)->ops;
	/* There is no mapping yet that would have to be closed. */
	if (!ret && cdevm_mmap_escapes(scope, desc->file))
		ret = -EINVAL;
	resmgr_kfree(cdevm_vm_memory(scope), spare);
	return ret;
}

/* Returns true if files with these operations can be mapped. */
bool cdevm_can_be_mapped(const struct file_operations *orig)
{
	return orig->mmap || orig->mmap_prepare;
}

/* Returns true if a node can have mappings that are zapped at unbind. */
bool cdevm_is_zapped(const struct cdevm_fops *wrapped)
{
	return !wrapped->mappings_stay && cdevm_can_be_mapped(wrapped->orig);
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

/* simple_pin_fs() changes both under a lock of its own. */
static struct vfsmount *cdevm_mnt;
static int cdevm_mnt_count;

/*
 * Create the address space of a scope, for the first of its nodes, or of its
 * files without a node, that can be mapped.
 */
int cdevm_mapping_init(struct cdevm_scope *scope)
{
	struct inode *inode;
	int ret;

	if (READ_ONCE(scope->inode))
		return 0;
	ret = simple_pin_fs(&cdevm_fs_type, &cdevm_mnt, &cdevm_mnt_count);
	if (ret)
		return ret;
	inode = alloc_anon_inode(cdevm_mnt->mnt_sb);
	if (IS_ERR(inode)) {
		simple_release_fs(&cdevm_mnt, &cdevm_mnt_count);
		return PTR_ERR(inode);
	}
	/*
	 * Files of other nodes may be opened now; it does no harm if they see
	 * it.
	 */
	if (cmpxchg(&scope->inode, NULL, inode)) {
		iput(inode);
		simple_release_fs(&cdevm_mnt, &cdevm_mnt_count);
	}
	return 0;
}

/* No file is left, and so no mapping. */
void cdevm_mapping_destroy(struct cdevm_scope *scope)
{
	/*
	 * These are left if the unbind could not wait, or were refused since.
	 */
	cdevm_forget_mappers(&scope->mappers, NULL);
	if (!scope->inode)
		return;
	iput(scope->inode);
	simple_release_fs(&cdevm_mnt, &cdevm_mnt_count);
}

/*
 * Called before the driver's open, which may change the properties of the
 * mapping but must not replace it.
 */
void cdevm_set_mapping(struct file *file, const struct cdevm_fops *wrapped)
{
	struct inode *inode = READ_ONCE(wrapped->scope->inode);

	if (inode && !wrapped->mappings_stay)
		file->f_mapping = inode->i_mapping;
}

/* Unmap everything, private copies as well, as their content is stale. */
void cdevm_zap(struct cdevm_scope *scope)
{
	/*
	 * A node may be published at this moment: nothing of it is mapped yet.
	 */
	struct inode *inode = READ_ONCE(scope->inode);

	if (inode)
		unmap_mapping_range(inode->i_mapping, 0, 0, 1);
}
