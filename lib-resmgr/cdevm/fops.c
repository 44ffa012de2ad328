// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm: the file operations that stand before the driver's
 *
 * Each published node has file operations of its own, with just the methods
 * that the driver has. From a struct file the way to the scope is f_op, so
 * nothing is added to struct file, private_data is the driver's, and nothing
 * depends on what inode->i_cdev says at the time.
 *
 * An open file holds one reference on the scope, taken in open and dropped
 * after the driver's release. The hard part is what the VFS does around these
 * two. It looks at file->f_op->owner once more after release, and after an open
 * that failed, to drop the module reference that it took before open. By then
 * the scope may be gone, with the wrapped operations in it. So, before the
 * reference is dropped, file->f_op is pointed to operations that are part of
 * cdevm, and the module reference is dropped here, last of all. When cdevm is a
 * module the file holds that from then on, and the VFS drops it. Nobody else looks at
 * f_op at these moments: in release the last reference on the file is gone, and before
 * the end of open there is no file descriptor yet.
 *
 * Before open the wrapped operations are safe without a reference: for a cdev,
 * the VFS holds the cdev, which holds the scope; for a misc device the caller
 * holds misc_mtx, which unpublishing needs.
 *
 * Of a node whose files are released at unbind, open and release are other
 * functions, which keep a record of the file: see cdevm_files.c. What such a file
 * points to must do without the driver's module. So the operations do not name it
 * as their owner. The reference on it is taken in open, inside the gate: as long as
 * a call is inside, the driver is bound, and its module there.
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

/* The file lets go of the scope. It may be the last to do so. */
static void cdevm_detach(struct file *file, struct cdevm_fops *wrapped)
{
	struct module *owner = wrapped->fops.owner;

	cdevm_set_closed(file);
	file->f_mapping = file_inode(file)->i_mapping;
	cdevm_put(wrapped->scope);
	module_put(owner);
}

/* The same for a listed file. @gone: it has let go of all but the memory before. */
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
	 * The driver has put other operations in the place of the wrapped ones,
	 * and has dropped the module reference of those. Calls would go round
	 * the gate, so the file cannot be opened.
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
			cdevm_end(&call, wrapped->scope);
		ret = -EINVAL;
	}
	return ret;
}

/*
 * The VFS has called fasync() if the file is marked FASYNC. The driver may have taken
 * it off its own list, which takes the mark away, and does not know of that of the
 * scope.
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
 * Runs once per open, whatever happened to the device. Inside the gate if it
 * still can be, so that a release that has begun is waited for at unbind.
 */
static int cdevm_release(struct inode *inode, struct file *file)
{
	struct cdevm_fops *wrapped = cdevm_file_fops(file);
	struct cdevm_scope *scope = wrapped->scope;
	struct cdevm_call call __uninitialized;
	bool entered = cdevm_begin(&call, scope, "release",
				   (void *)wrapped->orig->release);
	int ret = 0;

	/* The driver's release may free the queues of this file. */
	cdevm_forget_polled(file);
	if (unlikely(READ_ONCE(scope->tracked)))
		cdevm_close_tracked(file, wrapped);
	if (wrapped->orig->release)
		ret = wrapped->orig->release(inode, file);
	if (entered)
		cdevm_end(&call, scope);

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
		cdevm_end(&call, scope);
	cdevm_forget_polled(file);

	cdevm_debug_closed(wrapped);
	cdevm_trace(close, scope, wrapped->name, file);
	cdevm_detach_listed(file, wrapped, gone);
	return ret;
}

/*
 * The driver has chosen another address space for the mappings of the file. A
 * zap would not find them, and may not be done there, where others may have
 * theirs. So the file cannot be opened: close it again.
 */
static int cdevm_open_elsewhere(struct inode *inode, struct file *file)
{
	struct cdevm_fops *wrapped = cdevm_file_fops(file);

	/* It does not matter for a file whose mappings, if any, are not zapped. */
	if (!cdevm_is_zapped(wrapped))
		return 0;
	WARN_ONCE(1, "cdevm: %s: open() replaced f_mapping\n", wrapped->scope->name);
	file->f_op->release(inode, file);
	return -EINVAL;
}

/* Inside the gate. */
static __always_inline int cdevm_do_open(struct inode *inode, struct file *file,
					 struct cdevm_fops *wrapped)
{
	struct cdevm_scope *scope = wrapped->scope;
	int ret = 0;

	if (wrapped->orig->open)
		ret = wrapped->orig->open(inode, file);
	if (!ret && file->f_op == &wrapped->fops) {
		/* Inside the gate: a trace shows no open() after the drain. */
		cdevm_debug_opened(wrapped);
		cdevm_trace(open, scope, wrapped->name, file);
	} else if (READ_ONCE(scope->tracked)) {
		/* Inside the gate: no unbind has found the record. */
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
	cdevm_end(&call, scope);

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
	/* The unbind of the module's removal is to come. */
	if (!try_module_get(scope->owner)) {
		cdevm_set_closed(file);
		cdevm_end(&call, scope);
		module_put(vfs_owner);
		return -ENODEV;
	}
	/* Inside the gate the binding holds both. */
	cdevm_get(scope);
	cdevm_hold_memory(scope);
	cdevm_set_mapping(file, wrapped);
	mapping = file->f_mapping;
	ret = cdevm_list_file(file) ?: cdevm_do_open(inode, file, wrapped);
	cdevm_end(&call, scope);

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
 * A file that was made and not opened becomes one of the scope. The caller is inside the
 * gate. On an error the file is gone, and ->release() was not called.
 */
int cdevm_give_file(struct file *file, struct cdevm_fops *wrapped)
{
	struct cdevm_scope *scope = wrapped->scope;
	int ret = 0;

	/* The VFS has taken one for those that are not listed. */
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
 * What undoes something has to reach the driver also after revoke, or the
 * driver would be left with a stale entry of what has gone. As in release, it
 * is inside the gate if it still can be. When the file was released by the
 * unbind, its release has undone all there was, and @instead is done.
 */
#define cdevm_always(file, instead, method, ...)			\
({									\
	struct cdevm_fops *__wrapped = cdevm_file_fops(file);		\
	struct cdevm_scope *__scope = __wrapped->scope;			\
	struct cdevm_call __call __uninitialized;			\
	bool __entered = cdevm_begin(&__call, __scope, #method,		\
				     (void *)__wrapped->orig->method);	\
	bool __late = !__entered && __wrapped->listed;			\
	typeof(__wrapped->orig->method(__VA_ARGS__)) __ret;		\
									\
	if (!__late || cdevm_late_begin(file)) {			\
		__ret = __wrapped->orig->method(__VA_ARGS__);		\
		if (__entered)						\
			cdevm_end(&__call, __scope);			\
		else if (__late)					\
			cdevm_late_end(file);				\
	} else {							\
		__ret = (instead);					\
	}								\
	__ret;								\
})

/* A wrapper for a method that is refused after revoke. @file: which argument. */
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
/* The file that is written to is the one whose method is called. */
CDEVM_GATED(ssize_t, copy_file_range, to,
	    (struct file *from, loff_t pos_from, struct file *to, loff_t pos_to,
	     size_t len, unsigned int flags),
	    from, pos_from, to, pos_to, len, flags)
/* Here it is the one that is read from, but for deduplication. */
CDEVM_GATED(loff_t, remap_file_range, flags & REMAP_FILE_DEDUP ? to : from,
	    (struct file *from, loff_t pos_from, struct file *to, loff_t pos_to,
	     loff_t len, unsigned int flags),
	    from, pos_from, to, pos_to, len, flags)
CDEVM_GATED(int, fadvise, file,
	    (struct file *file, loff_t offset, loff_t len, int advice),
	    file, offset, len, advice)

/*
 * Nothing is found to have completed: kick() has completed what there was. An
 * error would keep io_uring from looking at the requests of other files on the
 * same ring.
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

/* A command that is to be cancelled was begun, and would stay for ever. */
static int cdevm_uring_cmd(struct io_uring_cmd *cmd, unsigned int flags)
{
	if (flags & IO_URING_F_CANCEL)
		return cdevm_always(cmd->file, -ENODEV, uring_cmd, cmd, flags);
	return cdevm_gated(cmd->file, -ENODEV, uring_cmd, cmd, flags);
}

/* Methods that return nothing are skipped after revoke. */
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
	cdevm_end(&call, wrapped->scope);				\
}

CDEVM_GATED_VOID(splice_eof, (struct file *file), file)
CDEVM_GATED_VOID(show_fdinfo, (struct seq_file *m, struct file *file), m, file)

/*
 * The driver has a list of those who want SIGIO, and so has the scope, to tell
 * them that the device goes.
 */
static int cdevm_fasync(int fd, struct file *file, int on)
{
	struct cdevm_scope *scope = cdevm_file_fops(file)->scope;
	int ret, added;

	if (!on) {
		/* If the driver fails, the VFS tries again at close, by a mark of the file. */
		ret = cdevm_always(file, 0, fasync, fd, file, 0);
		if (ret >= 0)
			fasync_helper(fd, file, 0, &scope->fasync);
		return ret;
	}
	/*
	 * The scope's list first: who is in the gate after that is on the list
	 * when a revoke comes to tell them.
	 */
	WRITE_ONCE(scope->tracked, true);
	added = fasync_helper(fd, file, on, &scope->fasync);
	if (added < 0)
		return added;
	ret = cdevm_gated(file, -ENODEV, fasync, fd, file, on);
	if (ret < 0 && added)
		fasync_helper(fd, file, 0, &scope->fasync);
	return ret;
}

static int cdevm_lock(struct file *file, int cmd, struct file_lock *fl)
{
	/* F_GETLK asks, and may ask with the type of an unlock. */
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
 * Every method there is, and what becomes of it: WRAP() for those that are
 * wrapped when the driver has them, SET() for those that are there in any case,
 * KEEP() for those that are the driver's own. The reasons are in the table of
 * Documentation/driver-api/driver-model/cdevm.rst.
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

/* Without an MMU only; says what kind of mappings there can be. */
#ifdef CONFIG_MMU
#define CDEVM_MMAP_CAPABILITIES(how)
#else
#define CDEVM_MMAP_CAPABILITIES(how)	how(mmap_capabilities);
#endif

/*
 * A kernel with a method that is not in the table does not compile: somebody
 * has to decide. As many pointers as there are names, and no room for more.
 */
#define CDEVM_COUNT(method)	void (*method)(void)
struct cdevm_methods {
	struct module	*owner;
	fop_flags_t	fop_flags;

	CDEVM_METHODS(CDEVM_COUNT, CDEVM_COUNT, CDEVM_COUNT)
};

static_assert(sizeof(struct cdevm_methods) == sizeof(struct file_operations));

/*
 * Wrap the operations of a driver. The owner is the scope's module, whatever
 * the driver says, or fails to say: an open file pins the text that its release
 * will run. @type is %NULL for a node of no subsystem's.
 */
void cdevm_fops_init(struct cdevm_fops *wrapped, struct cdevm_scope *scope,
		     const struct file_operations *orig, const char *name,
		     const struct cdevm_node_type *type)
{
	wrapped->orig = orig;
	wrapped->scope = scope;
	wrapped->name = name;
	wrapped->hangup = type && type->hangup ? type->hangup : EPOLLHUP | EPOLLERR;
	wrapped->mappings_stay = type && type->mappings_stay;

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
 * Is nothing of the driver left that could be called for a file, when its release
 * has returned? Not so if a method is called directly. A request that goes on after
 * its method has returned may have the driver called when it is completed or
 * cancelled, and a lock may have operations of the driver's; whether there are any is
 * not known.
 */
bool cdevm_lets_go(const struct file_operations *orig)
{
#ifndef CONFIG_MMU
	if (orig->mmap_capabilities)
		return false;
#endif
	return !orig->check_flags && !orig->read_iter && !orig->write_iter &&
	       !orig->uring_cmd && !orig->lock && !orig->flock && !orig->setlease;
}
