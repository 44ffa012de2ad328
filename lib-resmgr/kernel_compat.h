/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that this work is for, 6.12 and 7.3. Goes
 * when there is one kernel left. DEVICE_ATTR_RO_NAMED() came in between, and is
 * what tells them apart.
 */
#ifndef _LIB_RESMGR_KERNEL_COMPAT_H
#define _LIB_RESMGR_KERNEL_COMPAT_H

#include <linux/device.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/mnt_idmapping.h>
#include <linux/mutex.h>
#include <linux/namei.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/string.h>

/* 6.12 got them in a stable release. */
#ifndef kmalloc_obj
#define kmalloc_obj(obj, gfp)	kmalloc(sizeof(obj), gfp)
#define kzalloc_obj(obj, gfp)	kzalloc(sizeof(obj), gfp)
#endif

#ifndef DEVICE_ATTR_RO_NAMED

/* 6.12 */

/* mmap() has not been divided in two yet. */
#define CDEVM_MMAP_PREPARE(how)
#define CDEVM_VM_MAPPED(how)
#define CDEVM_VM_FIND_PAGE(how)	how(find_special_page);
#define CDEVM_VM_UFFD(how)

#define DEVRES_HAS_FREE_PERCPU	true
#define DEVRES_HAS_NODES	0

#define compat_uring_cmd_done(cmd, ret, flags) \
	io_uring_cmd_done(cmd, ret, 0, flags)
#define compat_get_unmapped_area(file, ...) \
	mm_get_unmapped_area(current->mm, file, ##__VA_ARGS__)

static inline struct dentry *compat_lookup(struct dentry *dir, const char *name)
{
	return lookup_one_len(name, dir, strlen(name));
}

/*
 * Does a task that cannot wake up wait for this mutex? Whoever waits is on its
 * list by something on the waiter's stack. The lock of the list is free, or the
 * answer is no.
 */
static inline bool compat_waits_for(struct task_struct *task, struct mutex *mutex)
{
	bool found = false;
#ifndef CONFIG_PREEMPT_RT
	unsigned long stack = (unsigned long)task_stack_page(task);
	struct list_head *waiter;

	if (!raw_spin_trylock(&mutex->wait_lock))
		return false;
	list_for_each(waiter, &mutex->wait_list)
		found |= (unsigned long)waiter - stack < THREAD_SIZE;
	raw_spin_unlock(&mutex->wait_lock);
#endif
	return found;
}

static inline int compat_mknod(struct dentry *dir, struct dentry *dentry,
			       dev_t devt)
{
	return vfs_mknod(&nop_mnt_idmap, d_inode(dir), dentry, S_IFCHR | 0600,
			 devt);
}

static inline void compat_hrtimer_setup(struct hrtimer *timer,
					enum hrtimer_restart (*fn)(struct hrtimer *),
					clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}

#else

/* 7.3 */

/* mmap() in two steps: the driver describes the mapping, the core makes it. */
#define CDEVM_HAS_MMAP_PREPARE
#define CDEVM_MMAP_PREPARE(how)	how(mmap_prepare);
#define CDEVM_VM_MAPPED(how)	how(mapped);
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

/* devres_for_each_res() is exported as before, but declared for the core only. */
void devres_for_each_res(struct device *dev, dr_release_t release,
			 dr_match_t match, void *match_data,
			 void (*fn)(struct device *dev, void *res, void *data),
			 void *data);

/* devm_free_percpu() is gone. The declaration is for calls that are never made. */
void devm_free_percpu(struct device *dev, void __percpu *pdata);
#define DEVRES_HAS_FREE_PERCPU	false

/*
 * There are nodes to embed, for the Rust bindings, and functions that came with
 * them. They are not exported, so a module cannot test them.
 */
#ifdef MODULE
#define DEVRES_HAS_NODES	0
#else
#define DEVRES_HAS_NODES	1
#endif

/* The second result is for those who ask for it. */
#define compat_uring_cmd_done(cmd, ret, flags) \
	io_uring_cmd_done(cmd, ret, flags)
#define compat_get_unmapped_area(file, ...) \
	mm_get_unmapped_area(file, ##__VA_ARGS__)

static inline bool compat_waits_for(struct task_struct *task, struct mutex *mutex)
{
	return READ_ONCE(task->blocked_on) == mutex;
}

/* Names are looked up as a struct qstr. */
static inline struct dentry *compat_lookup(struct dentry *dir, const char *name)
{
	return lookup_noperm(&QSTR(name), dir);
}

/* An NFS server's delegations may have to be waited for. */
static inline int compat_mknod(struct dentry *dir, struct dentry *dentry,
			       dev_t devt)
{
	return vfs_mknod(&nop_mnt_idmap, d_inode(dir), dentry, S_IFCHR | 0600,
			 devt, NULL);
}

#define compat_hrtimer_setup	hrtimer_setup

#endif

#endif /* _LIB_RESMGR_KERNEL_COMPAT_H */
