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
 * the kernel image and have no owner, and the module reference is dropped here,
 * last of all. Nobody else looks at f_op at these moments: in release the last
 * reference on the file is gone, and before the end of open there is no file
 * descriptor yet.
 *
 * Before open the wrapped operations are safe without a reference: for a cdev,
 * the VFS holds the cdev, which holds the scope; for a misc device the caller
 * holds misc_mtx, which unpublishing needs.
 */
#include <linux/module.h>
#include <linux/poll.h>
#include <trace/events/resmgr.h>

#include "cdevm_internal.h"

static const struct file_operations cdevm_closed_fops;

static struct cdevm_fops *cdevm_file_fops(const struct file *file)
{
	return container_of(file->f_op, struct cdevm_fops, fops);
}

/* The file lets go of the scope. It may be the last to do so. */
static void cdevm_detach(struct file *file, struct cdevm_fops *wrapped)
{
	struct module *owner = wrapped->fops.owner;

	file->f_op = &cdevm_closed_fops;
	cdevm_put(wrapped->scope);
	module_put(owner);
}

static int cdevm_open_replaced(struct inode *inode, struct file *file,
			       struct cdevm_fops *wrapped, int ret)
{
	/*
	 * The driver has put other operations in the place of the wrapped ones,
	 * and has dropped the module reference of those. Calls would go round
	 * the gate, so the file cannot be opened.
	 */
	if (!ret) {
		WARN_ONCE(1, "cdevm: %s: open() replaced the file operations by %ps\n",
			  wrapped->scope->name, file->f_op);
		if (file->f_op->release)
			file->f_op->release(inode, file);
		ret = -EINVAL;
	}
	cdevm_put(wrapped->scope);
	return ret;
}

static int cdevm_open(struct inode *inode, struct file *file)
{
	struct cdevm_fops *wrapped = cdevm_file_fops(file);
	struct cdevm_scope *scope = wrapped->scope;
	int ret = 0;

	cdevm_get(scope);
	if (!cdevm_enter(scope)) {
		cdevm_detach(file, wrapped);
		return -ENODEV;
	}
	if (wrapped->orig->open)
		ret = wrapped->orig->open(inode, file);
	cdevm_exit(scope);

	if (unlikely(file->f_op != &wrapped->fops))
		return cdevm_open_replaced(inode, file, wrapped, ret);
	if (ret)
		cdevm_detach(file, wrapped);
	else
		trace_cdevm_open(scope, wrapped->name);
	return ret;
}

/*
 * Runs once per open, whatever happened to the device. Inside the gate if it
 * still can be, so that a release that has begun is waited for at unbind.
 */
static int cdevm_release(struct inode *inode, struct file *file)
{
	struct cdevm_fops *wrapped = cdevm_file_fops(file);
	struct cdevm_scope *scope = wrapped->scope;
	bool entered = cdevm_enter(scope);
	int ret = 0;

	if (wrapped->orig->release)
		ret = wrapped->orig->release(inode, file);
	if (entered)
		cdevm_exit(scope);

	trace_cdevm_close(scope, wrapped->name);
	cdevm_detach(file, wrapped);
	return ret;
}

static __poll_t cdevm_poll(struct file *file, struct poll_table_struct *table)
{
	struct cdevm_fops *wrapped = cdevm_file_fops(file);
	struct cdevm_scope *scope = wrapped->scope;
	__poll_t mask;

	/*
	 * Queue first, look second: a revoke that the look misses finds the
	 * poller queued.
	 */
	poll_wait(file, &scope->gone, table);
	if (!cdevm_enter(scope))
		return EPOLLHUP | EPOLLERR;
	mask = wrapped->orig->poll(file, table);
	cdevm_exit(scope);
	return mask;
}

/*
 * Call a method of the driver inside the gate, or refuse. The caller has a
 * reference on @file, and the file has one on the scope.
 */
#define cdevm_gated(file, method, ...)					\
({									\
	struct cdevm_fops *__wrapped = cdevm_file_fops(file);		\
	struct cdevm_scope *__scope = __wrapped->scope;			\
	ssize_t __ret = -ENODEV;					\
									\
	if (cdevm_enter(__scope)) {					\
		__ret = __wrapped->orig->method(__VA_ARGS__);		\
		cdevm_exit(__scope);					\
	}								\
	__ret;								\
})

static ssize_t cdevm_read(struct file *file, char __user *buf, size_t len,
			  loff_t *pos)
{
	return cdevm_gated(file, read, file, buf, len, pos);
}

static ssize_t cdevm_write(struct file *file, const char __user *buf, size_t len,
			   loff_t *pos)
{
	return cdevm_gated(file, write, file, buf, len, pos);
}

static ssize_t cdevm_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return cdevm_gated(iocb->ki_filp, read_iter, iocb, to);
}

static ssize_t cdevm_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return cdevm_gated(iocb->ki_filp, write_iter, iocb, from);
}

static long cdevm_unlocked_ioctl(struct file *file, unsigned int cmd,
				 unsigned long arg)
{
	return cdevm_gated(file, unlocked_ioctl, file, cmd, arg);
}

static long cdevm_compat_ioctl(struct file *file, unsigned int cmd,
			       unsigned long arg)
{
	return cdevm_gated(file, compat_ioctl, file, cmd, arg);
}

/*
 * Wrap the operations of a driver. Methods without a wrapper here are called
 * directly. The owner is the scope's module, whatever the driver says, or fails
 * to say: an open file pins the text that its release will run.
 */
void cdevm_fops_init(struct cdevm_fops *wrapped, struct cdevm_scope *scope,
		     const struct file_operations *orig, const char *name)
{
	wrapped->orig = orig;
	wrapped->scope = scope;
	wrapped->name = name;

	wrapped->fops = *orig;
	wrapped->fops.owner = scope->owner;
	wrapped->fops.open = cdevm_open;
	wrapped->fops.release = cdevm_release;
	if (orig->read)
		wrapped->fops.read = cdevm_read;
	if (orig->write)
		wrapped->fops.write = cdevm_write;
	if (orig->read_iter)
		wrapped->fops.read_iter = cdevm_read_iter;
	if (orig->write_iter)
		wrapped->fops.write_iter = cdevm_write_iter;
	if (orig->poll)
		wrapped->fops.poll = cdevm_poll;
	if (orig->unlocked_ioctl)
		wrapped->fops.unlocked_ioctl = cdevm_unlocked_ioctl;
	if (orig->compat_ioctl)
		wrapped->fops.compat_ioctl = cdevm_compat_ioctl;
}
