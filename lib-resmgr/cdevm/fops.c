// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm: file operations that wrap those of the driver
 */

/**
 * DOC: file operations
 *
 * Each published node has file operations of its own, with exactly the methods
 * that the driver has. f_op leads from a struct file to the scope. So nothing
 * is added to struct file, private_data belongs to the driver, and
 * inode->i_cdev does not matter.
 *
 * An open file holds one reference on the scope, taken in open and dropped
 * after the driver's release. The hard part is what the VFS does around these
 * two. After release, and after an open that failed, it reads file->f_op->owner
 * once more, to drop the module reference that it took before open. By then the
 * scope may be freed, and the wrapped operations with it. So before the
 * reference on the scope is dropped, file->f_op is changed to operations that
 * are part of cdevm, and the module reference is dropped here, last. If cdevm
 * is a module, the file holds it from then on, and the VFS drops that
 * reference. Nobody else reads f_op at these moments: in release the last
 * reference on the file is gone, and before the end of open there is no file
 * descriptor yet.
 *
 * Before open the wrapped operations are safe without a reference. For a cdev,
 * the VFS holds the cdev, which holds the scope. For a misc device the caller
 * holds misc_mtx, which removing the node needs.
 *
 * If files of a node are released at unbind, open and release are different
 * functions, which keep a record of each file: see files.c. What such a file
 * points to must not need the module of the driver. So that module is not the
 * owner of the operations. Instead open takes a reference on it inside the
 * gate: while a call is inside, the driver is bound, and its module is there.
 */
#include <linux/filelock.h>
#include <linux/io_uring/cmd.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/seq_file.h>

#include "internal.h"

static const struct file_operations cdevm_closed_fops = {
	.owner = THIS_MODULE,
};

static void cdevm_set_closed(struct file *file)
{
	__module_get(THIS_MODULE);
	file->f_op = &cdevm_closed_fops;
}

/* Detach the file from the scope. This may drop the last reference. */
static void cdevm_detach(struct file *file, struct cdevm_fops *wrapped)
{
	struct module *owner = wrapped->fops.owner;

	cdevm_set_closed(file);
	file->f_mapping = file_inode(file)->i_mapping;
	cdevm_put(wrapped->scope);
	module_put(owner);
}

/*
 * The same for a listed file. @gone: the file has already let go of everything
 * but the memory.
 */
static void cdevm_detach_listed(struct file *file, struct cdevm_fops *wrapped,
				bool gone)
{
	struct cdevm_scope *scope = wrapped->scope;
	struct module *vfs_owner = wrapped->fops.owner, *owner = scope->owner;

	cdevm_set_closed(file);
	file->f_mapping = file_inode(file)->i_mapping;
	if (!gone)
		cdevm_put(scope);
	cdevm_put_memory(scope);
	if (!gone)
		module_put(owner);
	module_put(vfs_owner);
}

static int cdevm_open_replaced(struct inode *inode, struct file *file,
			       struct cdevm_fops *wrapped, int ret)
{
	/*
	 * The driver has replaced the wrapped operations and dropped their
	 * module reference. Calls would bypass the gate, so the file cannot be
	 * opened.
	 */
	file->f_mapping = file_inode(file)->i_mapping;
	if (!ret) {
		struct cdevm_call call __uninitialized;
		bool entered = cdevm_begin(&call, wrapped->scope, "release",
					   (void *)file->f_op->release);

		WARN_ONCE(1, "cdevm: %s: open() replaced the file operations by %ps\n",
			  wrapped->scope->name, file->f_op);
		if (file->f_op->release)
			file->f_op->release(inode, file);
		if (entered)
			cdevm_end(&call);
		ret = -EINVAL;
	}
	return ret;
}

/*
 * The VFS has called fasync() if the file is marked FASYNC. The driver may have
 * removed the file from its own list, which clears the mark. It does not know
 * the list of the scope.
 */
static void cdevm_end_sigio(struct file *file, struct cdevm_scope *scope)
{
	if (READ_ONCE(scope->fasync))
		fasync_helper(-1, file, 0, &scope->fasync);
}

static noinline void cdevm_close_tracked(struct file *file, struct cdevm_fops *wrapped)
{
	bool gone;

	cdevm_end_sigio(file, wrapped->scope);
	cdevm_finish_file(wrapped, file, &gone);
}

/*
 * Runs once per open, whatever happened to the device. It runs inside the gate
 * if possible, so that an unbind waits for a release that has begun.
 */
static int cdevm_release(struct inode *inode, struct file *file)
{
	struct cdevm_fops *wrapped = cdevm_file_fops(file);
	struct cdevm_scope *scope = wrapped->scope;
	struct cdevm_call call __uninitialized;
	bool entered = cdevm_begin(&call, scope, "release",
				   (void *)wrapped->orig->release);
	int ret = 0;

	/*
	 * The driver's release may free queues that pollers of this file used.
	 */
	cdevm_forget_polled(file);
	if (unlikely(READ_ONCE(scope->tracked)))
		cdevm_close_tracked(file, wrapped);
	if (wrapped->orig->release)
		ret = wrapped->orig->release(inode, file);
	if (entered)
		cdevm_end(&call);

	cdevm_debug_closed(wrapped);
	cdevm_trace(close, scope, wrapped->name, file);
	cdevm_detach(file, wrapped);
	return ret;
}

/* The last close of a file that the unbind may have released. */
static int cdevm_release_listed(struct inode *inode, struct file *file)
{
	struct cdevm_fops *wrapped = cdevm_file_fops(file);
	struct cdevm_scope *scope = wrapped->scope;
	struct cdevm_call call __uninitialized;
	bool entered = cdevm_begin(&call, scope, "release",
				   (void *)wrapped->orig->release);
	bool gone;
	int ret;

	cdevm_end_sigio(file, scope);
	ret = cdevm_finish_file(wrapped, file, &gone);
	if (entered)
		cdevm_end(&call);
	cdevm_forget_polled(file);

	cdevm_debug_closed(wrapped);
	cdevm_trace(close, scope, wrapped->name, file);
	cdevm_detach_listed(file, wrapped, gone);
	return ret;
}

/*
 * The driver has replaced the address space for the mappings of the file. A zap
 * would not find them, and must not be done there, where others may have
 * mappings. So the file cannot be opened: close it again.
 */
static int cdevm_open_elsewhere(struct inode *inode, struct file *file)
{
	struct cdevm_fops *wrapped = cdevm_file_fops(file);

	/* A file whose mappings, if any, are not zapped may do this. */
	if (!cdevm_is_zapped(wrapped))
		return 0;
	WARN_ONCE(1, "cdevm: %s: open() replaced f_mapping\n", wrapped->scope->name);
	file->f_op->release(inode, file);
	return -EINVAL;
}

/* Called inside the gate. */
static __always_inline int cdevm_do_open(struct inode *inode, struct file *file,
					 struct cdevm_fops *wrapped)
{
	struct cdevm_scope *scope = wrapped->scope;
	int ret = 0;

	if (wrapped->orig->open)
		ret = wrapped->orig->open(inode, file);
	if (!ret && file->f_op == &wrapped->fops) {
		/*
		 * Inside the gate, so that a trace shows no open() after the
		 * drain.
		 */
		cdevm_debug_opened(wrapped);
		cdevm_trace(open, scope, wrapped->name, file);
	} else if (READ_ONCE(scope->tracked)) {
		/* Inside the gate, so no unbind has found the record. */
		cdevm_forget_file(wrapped, file);
	}
	return ret;
}

static int cdevm_open(struct inode *inode, struct file *file)
{
	struct cdevm_fops *wrapped = cdevm_file_fops(file);
	struct cdevm_scope *scope = wrapped->scope;
	struct cdevm_call call __uninitialized;
	struct address_space *mapping;
	int ret;

	cdevm_get(scope);
	if (!cdevm_begin(&call, scope, "open", (void *)wrapped->orig->open)) {
		cdevm_detach(file, wrapped);
		return -ENODEV;
	}
	cdevm_set_mapping(file, wrapped);
	mapping = file->f_mapping;
	ret = cdevm_do_open(inode, file, wrapped);
	cdevm_end(&call);

	if (unlikely(file->f_op != &wrapped->fops)) {
		ret = cdevm_open_replaced(inode, file, wrapped, ret);
		cdevm_put(scope);
	} else if (ret) {
		cdevm_detach(file, wrapped);
	} else if (unlikely(file->f_mapping != mapping)) {
		ret = cdevm_open_elsewhere(inode, file);
	}
	return ret;
}

static int cdevm_open_listed(struct inode *inode, struct file *file)
{
	struct cdevm_fops *wrapped = cdevm_file_fops(file);
	struct cdevm_scope *scope = wrapped->scope;
	struct module *vfs_owner = wrapped->fops.owner;
	struct cdevm_call call __uninitialized;
	struct address_space *mapping;
	int ret;

	if (!cdevm_begin(&call, scope, "open", (void *)wrapped->orig->open)) {
		cdevm_set_closed(file);
		module_put(vfs_owner);
		return -ENODEV;
	}
	/* The module is being removed; it is about to unbind the device. */
	if (!try_module_get(scope->owner)) {
		cdevm_set_closed(file);
		cdevm_end(&call);
		module_put(vfs_owner);
		return -ENODEV;
	}
	/* Inside the gate the binding holds both. */
	cdevm_get(scope);
	cdevm_hold_memory(scope);
	cdevm_set_mapping(file, wrapped);
	mapping = file->f_mapping;
	ret = cdevm_list_file(file) ?: cdevm_do_open(inode, file, wrapped);
	cdevm_end(&call);

	if (unlikely(file->f_op != &wrapped->fops)) {
		struct module *owner = scope->owner;

		ret = cdevm_open_replaced(inode, file, wrapped, ret);
		cdevm_put(scope);
		cdevm_put_memory(scope);
		module_put(owner);
	} else if (ret) {
		cdevm_forget_polled(file);
		cdevm_detach_listed(file, wrapped, false);
	} else if (unlikely(file->f_mapping != mapping)) {
		ret = cdevm_open_elsewhere(inode, file);
	}
	return ret;
}

/*
 * Give a file that was created without an open to the scope. The caller is
 * inside the gate. On an error the file is gone, and ->release() was not
 * called.
 */
int cdevm_give_file(struct file *file, struct cdevm_fops *wrapped)
{
	struct cdevm_scope *scope = wrapped->scope;
	int ret = 0;

	/* For other files the VFS has taken the module reference. */
	if (wrapped->listed && !try_module_get(scope->owner)) {
		cdevm_set_closed(file);
		fput(file);
		module_put(wrapped->fops.owner);
		return -ENODEV;
	}
	cdevm_get(scope);
	if (wrapped->listed) {
		cdevm_hold_memory(scope);
		ret = cdevm_list_file(file);
	}
	if (ret) {
		cdevm_detach_listed(file, wrapped, false);
		fput(file);
		return ret;
	}
	cdevm_set_mapping(file, wrapped);
	cdevm_debug_opened(wrapped);
	cdevm_trace(open, scope, wrapped->name, file);
	return 0;
}

/*
 * Call a method of the driver inside the gate, or refuse. The caller has a
 * reference on @file, and the file has one on the scope.
 */
#define cdevm_gated(file, refusal, method, ...)				\
	cdevm_call(cdevm_file_fops(file), refusal, method, __VA_ARGS__)

/*
 * A method that undoes something must reach the driver also after the revoke,
 * or the driver would keep a stale entry. As in release, it runs inside the
 * gate if possible. If the unbind has released the file, that release has
 * undone everything, and @instead is evaluated.
 */
#define cdevm_always(file, instead, method, ...)			\
({									\
	struct cdevm_fops *__wrapped = cdevm_file_fops(file);		\
	struct cdevm_scope *__scope = __wrapped->scope;			\
	struct cdevm_call __call __uninitialized;			\
	bool __entered = cdevm_begin(&__call, __scope, CDEVM_UNDO #method, \
				     (void *)__wrapped->orig->method);	\
	typeof(__wrapped->orig->method(__VA_ARGS__)) __ret;		\
	struct cdevm_late __late;					\
									\
	if (__entered || cdevm_late_begin(file, &__late)) {		\
		__ret = __wrapped->orig->method(__VA_ARGS__);		\
		if (__entered)						\
			cdevm_end(&__call);				\
		else							\
			cdevm_late_end(&__late);			\
	} else {							\
		__ret = (instead);					\
	}								\
	__ret;								\
})

/*
 * Define a wrapper for a method that is refused after the revoke. @file: the
 * argument that names the file.
 */
#define CDEVM_GATED(type, method, file, params, ...)			\
static type cdevm_##method params					\
{									\
	return cdevm_gated(file, -ENODEV, method, __VA_ARGS__);		\
}

CDEVM_GATED(loff_t, llseek, file,
	    (struct file *file, loff_t offset, int whence), file, offset, whence)
CDEVM_GATED(ssize_t, read, file,
	    (struct file *file, char __user *buf, size_t len, loff_t *pos),
	    file, buf, len, pos)
CDEVM_GATED(ssize_t, write, file,
	    (struct file *file, const char __user *buf, size_t len, loff_t *pos),
	    file, buf, len, pos)
CDEVM_GATED(ssize_t, read_iter, iocb->ki_filp,
	    (struct kiocb *iocb, struct iov_iter *to), iocb, to)
CDEVM_GATED(ssize_t, write_iter, iocb->ki_filp,
	    (struct kiocb *iocb, struct iov_iter *from), iocb, from)
CDEVM_GATED(int, iterate_shared, file,
	    (struct file *file, struct dir_context *ctx), file, ctx)
CDEVM_GATED(long, unlocked_ioctl, file,
	    (struct file *file, unsigned int cmd, unsigned long arg),
	    file, cmd, arg)
CDEVM_GATED(long, compat_ioctl, file,
	    (struct file *file, unsigned int cmd, unsigned long arg),
	    file, cmd, arg)
CDEVM_GATED(int, flush, file, (struct file *file, fl_owner_t id), file, id)
CDEVM_GATED(int, fsync, file,
	    (struct file *file, loff_t start, loff_t end, int datasync),
	    file, start, end, datasync)
CDEVM_GATED(unsigned long, get_unmapped_area, file,
	    (struct file *file, unsigned long addr, unsigned long len,
	     unsigned long pgoff, unsigned long flags),
	    file, addr, len, pgoff, flags)
CDEVM_GATED(ssize_t, splice_write, file,
	    (struct pipe_inode_info *pipe, struct file *file, loff_t *pos,
	     size_t len, unsigned int flags), pipe, file, pos, len, flags)
CDEVM_GATED(ssize_t, splice_read, file,
	    (struct file *file, loff_t *pos, struct pipe_inode_info *pipe,
	     size_t len, unsigned int flags), file, pos, pipe, len, flags)
CDEVM_GATED(long, fallocate, file,
	    (struct file *file, int mode, loff_t offset, loff_t len),
	    file, mode, offset, len)
/* The method is called on the file that is written to. */
CDEVM_GATED(ssize_t, copy_file_range, to,
	    (struct file *from, loff_t pos_from, struct file *to, loff_t pos_to,
	     size_t len, unsigned int flags),
	    from, pos_from, to, pos_to, len, flags)
/* Here it is the file that is read from, except for deduplication. */
CDEVM_GATED(loff_t, remap_file_range, flags & REMAP_FILE_DEDUP ? to : from,
	    (struct file *from, loff_t pos_from, struct file *to, loff_t pos_to,
	     loff_t len, unsigned int flags),
	    from, pos_from, to, pos_to, len, flags)
CDEVM_GATED(int, fadvise, file,
	    (struct file *file, loff_t offset, loff_t len, int advice),
	    file, offset, len, advice)

/*
 * Report no completions: kick() has completed all requests. An error would keep
 * io_uring from polling the requests of other files on the same ring.
 */
static int cdevm_iopoll(struct kiocb *iocb, struct io_comp_batch *batch,
			unsigned int flags)
{
	return cdevm_gated(iocb->ki_filp, 0, iopoll, iocb, batch, flags);
}

static int cdevm_uring_cmd_iopoll(struct io_uring_cmd *cmd,
				  struct io_comp_batch *batch, unsigned int flags)
{
	return cdevm_gated(cmd->file, 0, uring_cmd_iopoll, cmd, batch, flags);
}

/* A command to be cancelled has begun, and would otherwise stay for ever. */
static int cdevm_uring_cmd(struct io_uring_cmd *cmd, unsigned int flags)
{
	if (flags & IO_URING_F_CANCEL)
		return cdevm_always(cmd->file, -ENODEV, uring_cmd, cmd, flags);
	return cdevm_gated(cmd->file, -ENODEV, uring_cmd, cmd, flags);
}

/* Methods without a return value are skipped after the revoke. */
#define CDEVM_GATED_VOID(method, params, ...)				\
static void cdevm_##method params					\
{									\
	struct cdevm_fops *wrapped = cdevm_file_fops(file);		\
	struct cdevm_call call __uninitialized;				\
									\
	if (!cdevm_begin(&call, wrapped->scope, #method,		\
			 (void *)wrapped->orig->method))		\
		return;							\
	wrapped->orig->method(__VA_ARGS__);				\
	cdevm_end(&call);						\
}

CDEVM_GATED_VOID(splice_eof, (struct file *file), file)
CDEVM_GATED_VOID(show_fdinfo, (struct seq_file *m, struct file *file), m, file)

static int cdevm_fasync_off(int fd, struct file *file, struct cdevm_scope *scope)
{
	bool released = false;
	int ret = cdevm_always(file, ({ released = true; 0; }), fasync, fd, file, 0);

	lockdep_assert_held(&scope->fasync_lock);

	/*
	 * If the driver fails, the file keeps FASYNC, so the VFS tries again at
	 * close. It keeps FASYNC, too, for an unbind that releases the file just
	 * now and has not looked at it yet.
	 */
	if (ret >= 0 && !released)
		fasync_helper(fd, file, 0, &scope->fasync);
	return ret;
}

static int cdevm_fasync_on(int fd, struct file *file, int on, struct cdevm_scope *scope)
{
	int ret, added;

	lockdep_assert_held(&scope->fasync_lock);

	/* Add to the scope's list first. */
	WRITE_ONCE(scope->tracked, true);
	added = fasync_helper(fd, file, on, &scope->fasync);
	if (added < 0)
		return added;
	/*
	 * If the call enters the gate, a later revoke finds the file on the
	 * list. Pairs with the marks of the revoke; entering alone has acquire
	 * semantics.
	 */
	smp_mb__before_atomic();
	ret = cdevm_gated(file, -ENODEV, fasync, fd, file, on);
	/* The driver's list does not have it either. */
	if (ret < 0 && added)
		fasync_helper(fd, file, 0, &scope->fasync);
	return ret;
}

/*
 * The driver has a list of the files that want SIGIO. The scope has one, too,
 * to send SIGIO when the device is gone. A file has one bit for both, FASYNC,
 * and the VFS calls this at close only if it is set. So a file is on both lists
 * or on none, or the driver would be left with a file that is freed.
 */
static int cdevm_fasync(int fd, struct file *file, int on)
{
	struct cdevm_scope *scope = cdevm_file_fops(file)->scope;
	int ret;

	mutex_lock(&scope->fasync_lock);
	ret = on ? cdevm_fasync_on(fd, file, on, scope) : cdevm_fasync_off(fd, file, scope);
	mutex_unlock(&scope->fasync_lock);
	return ret;
}

static int cdevm_lock(struct file *file, int cmd, struct file_lock *fl)
{
	/* F_GETLK is only a query, and may have the type of an unlock. */
	if (cmd == F_CANCELLK || (cmd != F_GETLK && lock_is_unlock(fl)))
		return cdevm_always(file, cmd == F_CANCELLK ? 0 :
				    locks_lock_file_wait(file, fl), lock, file, cmd, fl);
	return cdevm_gated(file, -ENODEV, lock, file, cmd, fl);
}

static int cdevm_flock(struct file *file, int cmd, struct file_lock *fl)
{
	if (lock_is_unlock(fl))
		return cdevm_always(file, locks_lock_file_wait(file, fl), flock, file, cmd, fl);
	return cdevm_gated(file, -ENODEV, flock, file, cmd, fl);
}

static int cdevm_setlease(struct file *file, int arg, struct file_lease **lease,
			  void **priv)
{
	if (arg == F_UNLCK)
		return cdevm_always(file, generic_setlease(file, arg, lease, priv), setlease,
				    file, arg, lease, priv);
	return cdevm_gated(file, -ENODEV, setlease, file, arg, lease, priv);
}

/*
 * Every method and how it is handled: WRAP() if it is wrapped when the driver
 * has it, SET() if it is always set, KEEP() if the driver's own is used. The
 * reasons are in the table of Documentation/driver-api/driver-model/cdevm.rst.
 */
#define CDEVM_METHODS(WRAP, SET, KEEP)					\
	WRAP(llseek);							\
	WRAP(read);							\
	WRAP(write);							\
	WRAP(read_iter);							\
	WRAP(write_iter);						\
	WRAP(iopoll);							\
	WRAP(iterate_shared);						\
	WRAP(poll);							\
	WRAP(unlocked_ioctl);						\
	WRAP(compat_ioctl);						\
	WRAP(mmap);							\
	SET(open);							\
	WRAP(flush);							\
	SET(release);							\
	WRAP(fsync);							\
	WRAP(fasync);							\
	WRAP(lock);							\
	WRAP(get_unmapped_area);						\
	KEEP(check_flags);						\
	WRAP(flock);							\
	WRAP(splice_write);						\
	WRAP(splice_read);						\
	WRAP(splice_eof);						\
	WRAP(setlease);							\
	WRAP(fallocate);							\
	WRAP(show_fdinfo);						\
	CDEVM_MMAP_CAPABILITIES(KEEP)					\
	WRAP(copy_file_range);						\
	WRAP(remap_file_range);						\
	WRAP(fadvise);							\
	WRAP(uring_cmd);							\
	WRAP(uring_cmd_iopoll);						\
	WRAP(mmap_prepare);

/* Only without an MMU; says what kinds of mappings are possible. */
#ifdef CONFIG_MMU
#define CDEVM_MMAP_CAPABILITIES(how)
#else
#define CDEVM_MMAP_CAPABILITIES(how)	how(mmap_capabilities);
#endif

/*
 * A kernel with a method that is not in the table does not compile: somebody
 * has to decide. This has as many pointers as there are names, and no room for
 * more.
 */
#define CDEVM_COUNT(method)	void (*method)(void)
struct cdevm_methods {
	struct module	*owner;
	fop_flags_t	fop_flags;

	CDEVM_METHODS(CDEVM_COUNT, CDEVM_COUNT, CDEVM_COUNT)
};

static_assert(sizeof(struct cdevm_methods) == sizeof(struct file_operations));

static bool cdevm_mappings_stay(const struct cdevm_scope *scope,
				const struct cdevm_node_type *type)
{
	const struct cdevm_ops *ops = cdevm_whole(scope)->ops;

	return (type && type->mappings_stay) || (ops && ops->mappings_stay);
}

/*
 * Wrap the operations of a driver. The owner is the module of the scope,
 * whatever the driver's operations say: an open file pins the text of its
 * release. @type is %NULL for a node that is not of a subsystem.
 */
void cdevm_fops_init(struct cdevm_fops *wrapped, struct cdevm_scope *scope,
		     const struct file_operations *orig, const char *name,
		     const struct cdevm_node_type *type)
{
	wrapped->orig = orig;
	wrapped->scope = scope;
	wrapped->name = name;
	wrapped->hangup = type && type->hangup ? type->hangup : EPOLLHUP | EPOLLERR;
	wrapped->mappings_stay = cdevm_mappings_stay(scope, type);

	wrapped->fops.owner = wrapped->listed ? THIS_MODULE : scope->owner;
	wrapped->fops.fop_flags = orig->fop_flags;
#define CDEVM_WRAP(method)	(wrapped->fops.method = orig->method ? cdevm_##method : NULL)
#define CDEVM_SET(method)	(wrapped->fops.method = cdevm_##method)
#define CDEVM_KEEP(method)	(wrapped->fops.method = orig->method)
	CDEVM_METHODS(CDEVM_WRAP, CDEVM_SET, CDEVM_KEEP)
	if (wrapped->listed) {
		wrapped->fops.open = cdevm_open_listed;
		wrapped->fops.release = cdevm_release_listed;
	}
}

bool cdevm_is_wrapped(const struct file_operations *fops)
{
	return fops->open == cdevm_open || fops->open == cdevm_open_listed;
}

/*
 * Returns true if nothing can call the driver for a file whose release has
 * returned. It is false if a method is called directly. A request that
 * continues after its method has returned may call the driver when it is
 * completed or cancelled. A lock may have operations of the driver, and so may
 * a mapping that stays. Whether there are any is not known.
 */
bool cdevm_lets_go(const struct cdevm_scope *scope, const struct cdevm_node_type *type,
		   const struct file_operations *orig)
{
	if (cdevm_mappings_stay(scope, type) && cdevm_can_be_mapped(orig))
		return false;
#ifndef CONFIG_MMU
	if (orig->mmap_capabilities)
		return false;
#endif
	return !orig->check_flags && !orig->read_iter && !orig->write_iter &&
	       !orig->uring_cmd && !orig->lock && !orig->flock && !orig->setlease;
}
