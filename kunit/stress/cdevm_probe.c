// SPDX-License-Identifier: GPL-2.0
/*
 * A driver with every file operation, for the end-to-end tests of cdevm
 *
 * Its device is a platform device below another one. ioctl() and the parameters
 * of the module choose what it does. The parameters also show the results,
 * since they exist when the device does not.
 *
 * It is written like a driver that was not made for cdevm: its sleepers are not
 * woken when the device goes, and each file has a wait queue of its own, which
 * is freed at release.
 */
#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/cdevm.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/io_uring/cmd.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/poll.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/splice.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/wait.h>

#include "cdevm_probe.h"

/**
 * struct probe_dev - one bind of the device
 * @scope: whose memory this is
 * @dev: the device
 * @cdev: with %PROBE_MINORS minors
 * @swap: whose open() replaces the file operations
 * @move: whose open() replaces the address space of mappings
 * @lock: protects @requests
 * @requests: that have not been completed
 * @lazy: kick() leaves them
 * @wait: for sleepers
 * @ready: ends the sleep
 * @never: for %PROBE_SLEEP_TAIL
 * @fasync: who wants SIGIO
 * @ram: a page of the scope's
 * @regs: a page that stands for registers, of the device's
 * @bar: address of registers that are some, or 0
 */
struct probe_dev {
	struct cdevm_scope	scope;
	struct device		*dev;
	struct cdev		cdev, swap, move;
	spinlock_t		lock;	/* protects requests */
	struct list_head	requests;
	bool			lazy;
	wait_queue_head_t	wait;
	bool			ready;
	struct completion	never;
	struct fasync_struct	*fasync;
	struct page		*ram;
	void			*regs;
	phys_addr_t		bar;
};

/**
 * struct probe_file - an open file
 * @p: its device
 * @wait: for pollers; gone when the file is released, or before
 * @readable: what they wait for
 */
struct probe_file {
	struct probe_dev	*p;
	wait_queue_head_t	*wait;
	bool			readable;
};

/**
 * struct probe_request - what goes on when the call has returned
 * @link: on &probe_dev.requests
 * @iocb: a read, or %NULL
 * @cmd: or a command
 */
struct probe_request {
	struct list_head	link;
	struct kiocb		*iocb;
	struct io_uring_cmd	*cmd;
};

static dev_t probe_devt;
static struct platform_device *probe_parent, *probe_child;
/* The one that is bound, or %NULL. Protected by probe_lock. */
static struct probe_dev *probe_bound;
static DEFINE_MUTEX(probe_lock);

static unsigned int probe_major;
module_param_named(major, probe_major, uint, 0444);
MODULE_PARM_DESC(major, "of the nodes");

static bool probe_parent_scope = true;
module_param_named(parent_scope, probe_parent_scope, bool, 0644);
MODULE_PARM_DESC(parent_scope, "the parent's driver has a scope");

static bool probe_early;
module_param_named(early, probe_early, bool, 0644);
MODULE_PARM_DESC(early, "files are released at unbind; for the next bind");

static bool probe_fails;
module_param_named(probe_fails, probe_fails, bool, 0644);
MODULE_PARM_DESC(probe_fails, "probe fails, after all else was done");

static atomic_t probe_opens, probe_releases, probe_late_releases, probe_allocs, probe_frees;
static atomic_t probe_vm_opens, probe_vm_closes, probe_vm_mremaps, probe_cancels;

module_param_named(opens, probe_opens.counter, int, 0444);
MODULE_PARM_DESC(opens, "successful open() calls");
module_param_named(releases, probe_releases.counter, int, 0444);
MODULE_PARM_DESC(releases, "release() calls");
module_param_named(late_releases, probe_late_releases.counter, int, 0444);
MODULE_PARM_DESC(late_releases, "release() calls that came after unbind");
module_param_named(allocs, probe_allocs.counter, int, 0444);
MODULE_PARM_DESC(allocs, "scopes of the device made");
module_param_named(frees, probe_frees.counter, int, 0444);
MODULE_PARM_DESC(frees, "scopes of the device freed");
module_param_named(vm_opens, probe_vm_opens.counter, int, 0444);
MODULE_PARM_DESC(vm_opens, "mappings that began");
module_param_named(vm_closes, probe_vm_closes.counter, int, 0444);
MODULE_PARM_DESC(vm_closes, "mappings that ended");
module_param_named(vm_mremaps, probe_vm_mremaps.counter, int, 0444);
MODULE_PARM_DESC(vm_mremaps, "mappings that were moved");
module_param_named(cancels, probe_cancels.counter, int, 0444);
MODULE_PARM_DESC(cancels, "commands that io_uring has cancelled");

/* The last method that was called. */
static char probe_last[24];
module_param_string(last, probe_last, sizeof(probe_last), 0644);
MODULE_PARM_DESC(last, "the method that was called last; write to forget it");

static void seen(const char *method)
{
	strscpy(probe_last, method);
}

/* Wake all sleepers, from outside of the gate. */
static int probe_set_wake(const char *val, const struct kernel_param *kp)
{
	mutex_lock(&probe_lock);
	if (probe_bound) {
		WRITE_ONCE(probe_bound->ready, true);
		complete_all(&probe_bound->never);
		wake_up_all(&probe_bound->wait);
	}
	mutex_unlock(&probe_lock);
	return 0;
}

static const struct kernel_param_ops probe_wake_ops = { .set = probe_set_wake };
module_param_cb(wake, &probe_wake_ops, NULL, 0200);
MODULE_PARM_DESC(wake, "write to wake all sleepers");

static int probe_add_child(void)
{
	struct platform_device_info info = {
		.parent	= &probe_parent->dev,
		.name	= PROBE_DRIVER,
		.id	= PLATFORM_DEVID_NONE,
	};

	probe_child = platform_device_register_full(&info);
	return PTR_ERR_OR_ZERO(probe_child);
}

/* Take the device away, or bring it back. */
static int probe_set_device(const char *val, const struct kernel_param *kp)
{
	bool on;
	int ret = kstrtobool(val, &on);

	if (ret)
		return ret;
	if (on == !IS_ERR_OR_NULL(probe_child))
		return -EINVAL;
	if (on)
		return probe_add_child();
	platform_device_unregister(probe_child);
	probe_child = NULL;
	return 0;
}

static const struct kernel_param_ops probe_device_ops = { .set = probe_set_device };
module_param_cb(device, &probe_device_ops, NULL, 0200);
MODULE_PARM_DESC(device, "0: the device goes, 1: it comes back");

/* --- requests that go on when their call has returned */

static int probe_queue(struct probe_dev *p, struct kiocb *iocb, struct io_uring_cmd *cmd)
{
	struct probe_request *req = kmalloc_obj(*req, GFP_KERNEL);

	if (!req)
		return -ENOMEM;
	req->iocb = iocb;
	req->cmd = cmd;
	spin_lock(&p->lock);
	list_add_tail(&req->link, &p->requests);
	spin_unlock(&p->lock);
	return -EIOCBQUEUED;
}

/* Take the oldest request that matches off the list; all that are given must. */
static struct probe_request *probe_take(struct probe_dev *p, const struct kiocb *iocb,
					const struct io_uring_cmd *cmd)
{
	struct probe_request *req;

	spin_lock(&p->lock);
	list_for_each_entry(req, &p->requests, link)
		if ((!iocb || req->iocb == iocb) && (!cmd || req->cmd == cmd)) {
			list_del(&req->link);
			spin_unlock(&p->lock);
			return req;
		}
	spin_unlock(&p->lock);
	return NULL;
}

/* False when there was none. */
static bool probe_complete(struct probe_request *req, long ret, unsigned int flags)
{
	if (!req)
		return false;
	if (req->iocb)
		req->iocb->ki_complete(req->iocb, ret);
	else
		io_uring_cmd_done(req->cmd, ret, flags);
	kfree(req);
	return true;
}

/* --- file operations */

static wait_queue_head_t *probe_new_queue(void)
{
	wait_queue_head_t *queue = kmalloc_obj(*queue, GFP_KERNEL);

	if (queue)
		init_waitqueue_head(queue);
	return queue;
}

static int probe_open_dev(struct probe_dev *p, struct file *file)
{
	struct probe_file *f = kzalloc_obj(*f, GFP_KERNEL);

	if (!f)
		return -ENOMEM;
	f->p = p;
	f->wait = probe_new_queue();
	if (!f->wait) {
		kfree(f);
		return -ENOMEM;
	}
	file->private_data = f;
	/* So that io_uring does not send a thread, and asks iopoll(). */
	file->f_mode |= FMODE_NOWAIT | FMODE_CAN_ODIRECT;
	atomic_inc(&probe_opens);
	return 0;
}

static int probe_open(struct inode *inode, struct file *file)
{
	return probe_open_dev(container_of(inode->i_cdev, struct probe_dev, cdev), file);
}

static int probe_release(struct inode *inode, struct file *file)
{
	struct probe_file *f = file->private_data;
	bool late = !f->p->scope.ops->release_at_unbind;

	cdevm_scoped_enter(&f->p->scope)
		late = false;
	if (late)
		atomic_inc(&probe_late_releases);
	atomic_inc(&probe_releases);
	kfree(f->wait);
	kfree(f);
	return 0;
}

static struct probe_dev *file_to_probe(const struct file *file)
{
	return ((struct probe_file *)file->private_data)->p;
}

static loff_t probe_llseek(struct file *file, loff_t offset, int whence)
{
	seen("llseek");
	return PROBE_SEEK;
}

static ssize_t probe_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	struct probe_dev *p = file_to_probe(file);
	int ret;

	seen("read");
	if (file->f_flags & O_NONBLOCK && !READ_ONCE(p->ready))
		return -EAGAIN;
	ret = wait_event_interruptible(p->wait, READ_ONCE(p->ready));
	if (ret)
		return ret;
	return len && put_user('r', buf) ? -EFAULT : !!len;
}

static ssize_t probe_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	seen("write");
	return len;
}

static ssize_t probe_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	seen("read_iter");
	if (is_sync_kiocb(iocb))
		return 0;
	return probe_queue(file_to_probe(iocb->ki_filp), iocb, NULL);
}

static ssize_t probe_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	seen("write_iter");
	return iov_iter_count(from);
}

static int probe_iopoll(struct kiocb *iocb, struct io_comp_batch *batch, unsigned int flags)
{
	struct probe_dev *p = file_to_probe(iocb->ki_filp);

	seen("iopoll");
	return READ_ONCE(p->ready) &&
	       probe_complete(probe_take(p, iocb, NULL), PROBE_DONE, 0);
}

static int probe_iterate_shared(struct file *file, struct dir_context *ctx)
{
	seen("iterate_shared");
	return 0;
}

static __poll_t probe_poll(struct file *file, struct poll_table_struct *table)
{
	struct probe_file *f = file->private_data;

	seen("poll");
	poll_wait(file, f->wait, table);
	return READ_ONCE(f->readable) ? EPOLLIN | EPOLLRDNORM : 0;
}

/*
 * As the kernel wants it: pollers are told, and it is freed when none can be
 * looking at it any more. Not to be polled by another thread meanwhile.
 */
static long probe_swap_queue(struct probe_file *f)
{
	wait_queue_head_t *old = f->wait, *queue = probe_new_queue();
	bool was_on;

	if (!queue)
		return -ENOMEM;
	f->wait = queue;
	/* Nobody comes any more; who leaves meanwhile does no harm. */
	was_on = waitqueue_active(old);
	wake_up_pollfree(old);
	synchronize_rcu();
	kfree(old);
	return was_on;
}

static long probe_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct probe_file *f = file->private_data;
	struct probe_dev *p = f->p;

	seen("unlocked_ioctl");
	switch (cmd) {
	case PROBE_PING:
		return PROBE_PONG;
	case PROBE_SLEEP:
		return wait_event_interruptible(p->wait, READ_ONCE(p->ready));
	case PROBE_SLEEP_TAIL:
		return wait_for_completion_interruptible(&p->never);
	case PROBE_SLEEP_HARD:
		wait_event(p->wait, READ_ONCE(p->ready));
		return 0;
	case PROBE_LEAVE:
		return cdevm_unbind_self(&p->scope);
	case PROBE_LEAVE_WRONG:
		device_release_driver(p->dev);
		return 0;
	case PROBE_COMPLETE:
		return probe_complete(probe_take(p, NULL, NULL), PROBE_DONE,
				      IO_URING_F_UNLOCKED) ? 0 : -ENOENT;
	case PROBE_LAZY:
		p->lazy = arg;
		return 0;
	case PROBE_DATA:
		WRITE_ONCE(f->readable, true);
		wake_up_interruptible_poll(f->wait, EPOLLIN | EPOLLRDNORM);
		kill_fasync(&p->fasync, SIGIO, POLL_IN);
		return 0;
	case PROBE_NEW_QUEUE:
		return probe_swap_queue(f);
	case PROBE_NO_SIGIO:
		fasync_helper(-1, file, 0, &p->fasync);
		return 0;
	}
	return -ENOTTY;
}

static long probe_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	seen("compat_ioctl");
	return cmd == PROBE_PING ? PROBE_COMPAT_PONG : -ENOTTY;
}

static int probe_flush(struct file *file, fl_owner_t id)
{
	seen("flush");
	return 0;
}

static int probe_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	seen("fsync");
	return 0;
}

static int probe_fasync(int fd, struct file *file, int on)
{
	seen(on ? "fasync" : "fasync off");
	return fasync_helper(fd, file, on, &file_to_probe(file)->fasync);
}

static int probe_file_lock(struct file *file, int cmd, struct file_lock *fl)
{
	seen(cmd == F_GETLK ? "lock get" : lock_is_unlock(fl) ? "lock off" : "lock");
	if (cmd == F_GETLK) {
		posix_test_lock(file, fl);
		return 0;
	}
	return posix_lock_file(file, fl, NULL);
}

static int probe_flock(struct file *file, int cmd, struct file_lock *fl)
{
	seen(lock_is_unlock(fl) ? "flock off" : "flock");
	return locks_lock_file_wait(file, fl);
}

static unsigned long probe_get_unmapped_area(struct file *file, unsigned long addr,
					     unsigned long len, unsigned long pgoff,
					     unsigned long flags)
{
	seen("get_unmapped_area");
	/* Not with this file, whose method this is. */
	return mm_get_unmapped_area(NULL, addr, len, pgoff, flags);
}

static int probe_check_flags(int flags)
{
	seen("check_flags");
	return 0;
}

static ssize_t probe_splice_write(struct pipe_inode_info *pipe, struct file *file,
				  loff_t *pos, size_t len, unsigned int flags)
{
	ssize_t ret = iter_file_splice_write(pipe, file, pos, len, flags);

	seen("splice_write");
	return ret;
}

static ssize_t probe_splice_read(struct file *file, loff_t *pos,
				 struct pipe_inode_info *pipe, size_t len, unsigned int flags)
{
	seen("splice_read");
	return 0;
}

static void probe_splice_eof(struct file *file)
{
	seen("splice_eof");
}

static int probe_setlease(struct file *file, int arg, struct file_lease **lease, void **priv)
{
	seen("setlease");
	return -EINVAL;
}

static long probe_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	seen("fallocate");
	return 0;
}

static void probe_show_fdinfo(struct seq_file *m, struct file *file)
{
	seen("show_fdinfo");
	seq_puts(m, PROBE_DRIVER ":\tshown\n");
}

static ssize_t probe_copy_file_range(struct file *from, loff_t pos_from, struct file *to,
				     loff_t pos_to, size_t len, unsigned int flags)
{
	seen("copy_file_range");
	return 0;
}

static loff_t probe_remap_file_range(struct file *from, loff_t pos_from, struct file *to,
				     loff_t pos_to, loff_t len, unsigned int flags)
{
	seen("remap_file_range");
	return 0;
}

static int probe_fadvise(struct file *file, loff_t offset, loff_t len, int advice)
{
	seen("fadvise");
	return 0;
}

static int probe_uring_cmd(struct io_uring_cmd *cmd, unsigned int flags)
{
	struct probe_dev *p = file_to_probe(cmd->file);
	u32 op = cmd->cmd_op;

	if (flags & IO_URING_F_CANCEL) {
		seen("uring_cmd cancel");
		/* It may have been completed meanwhile. */
		if (probe_complete(probe_take(p, NULL, cmd), -ECANCELED, flags))
			atomic_inc(&probe_cancels);
		return 0;
	}
	seen("uring_cmd");
	if (op == PROBE_CMD_NOW)
		return PROBE_DONE;
	if (op != PROBE_CMD_LATER && op != PROBE_CMD_CANCELABLE)
		return -EINVAL;
	/* Once it is on the list it may be completed at any time. */
	if (op == PROBE_CMD_CANCELABLE)
		io_uring_cmd_mark_cancelable(cmd, flags);
	return probe_queue(p, NULL, cmd);
}

static int probe_uring_cmd_iopoll(struct io_uring_cmd *cmd, struct io_comp_batch *batch,
				  unsigned int flags)
{
	struct probe_dev *p = file_to_probe(cmd->file);

	seen("uring_cmd_iopoll");
	return READ_ONCE(p->ready) &&
	       probe_complete(probe_take(p, NULL, cmd), PROBE_DONE, 0);
}

/* --- mappings */

static void probe_vm_open(struct vm_area_struct *vma)
{
	seen("vm open");
	atomic_inc(&probe_vm_opens);
}

static void probe_vm_close(struct vm_area_struct *vma)
{
	seen("vm close");
	atomic_inc(&probe_vm_closes);
}

static vm_fault_t probe_vm_fault(struct vm_fault *vmf)
{
	struct probe_dev *p = file_to_probe(vmf->vma->vm_file);

	seen("vm fault");
	get_page(p->ram);
	vmf->page = p->ram;
	return 0;
}

static vm_fault_t probe_vm_page_mkwrite(struct vm_fault *vmf)
{
	seen("vm page_mkwrite");
	lock_page(vmf->page);
	return VM_FAULT_LOCKED;
}

static int probe_vm_access(struct vm_area_struct *vma, unsigned long addr, void *buf,
			   int len, int write)
{
	struct probe_dev *p = file_to_probe(vma->vm_file);

	seen("vm access");
	memcpy(buf, p->regs, len);
	return len;
}

static int probe_vm_mremap(struct vm_area_struct *vma)
{
	seen("vm mremap");
	atomic_inc(&probe_vm_mremaps);
	return 0;
}

static int probe_vm_mprotect(struct vm_area_struct *vma, unsigned long start,
			     unsigned long end, unsigned long flags)
{
	seen("vm mprotect");
	return 0;
}

static const struct vm_operations_struct probe_ram_vm_ops = {
	.open		= probe_vm_open,
	.close		= probe_vm_close,
	.fault		= probe_vm_fault,
	.page_mkwrite	= probe_vm_page_mkwrite,
	.mremap		= probe_vm_mremap,
	.mprotect	= probe_vm_mprotect,
};

static const struct vm_operations_struct probe_regs_vm_ops = {
	.open		= probe_vm_open,
	.close		= probe_vm_close,
	.access		= probe_vm_access,
};

static const struct vm_operations_struct probe_insert_vm_ops = {
	.open		= probe_vm_open,
	.close		= probe_vm_close,
};

static int probe_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct probe_dev *p = file_to_probe(file);
	unsigned long pgoff = vma->vm_pgoff, pfn = 0;
	int ret = 0;

	seen("mmap");
	if (vma_pages(vma) != 1)
		return -EINVAL;
	switch (pgoff) {
	case PROBE_MAP_RAM:
		vma->vm_ops = &probe_ram_vm_ops;
		break;
	case PROBE_MAP_INSERT:
		vma->vm_ops = &probe_insert_vm_ops;
		ret = vm_insert_page(vma, vma->vm_start, p->ram);
		break;
	case PROBE_MAP_REGS:
		vma->vm_ops = &probe_regs_vm_ops;
		pfn = page_to_pfn(virt_to_page(p->regs));
		break;
	case PROBE_MAP_BARE:
		pfn = page_to_pfn(virt_to_page(p->regs));
		break;
	case PROBE_MAP_BAR:
		if (!p->bar)
			return -ENXIO;
		vma->vm_ops = &probe_regs_vm_ops;
		vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
		pfn = PHYS_PFN(p->bar);
		break;
	default:
		return -EINVAL;
	}
	if (pfn)
		ret = remap_pfn_range(vma, vma->vm_start, pfn, PAGE_SIZE, vma->vm_page_prot);
	if (!ret && pgoff != PROBE_MAP_BARE)
		atomic_inc(&probe_vm_opens);
	return ret;
}

static const struct file_operations probe_fops = {
	.owner			= THIS_MODULE,
	.open			= probe_open,
	.release		= probe_release,
	.llseek			= probe_llseek,
	.read			= probe_read,
	.write			= probe_write,
	.read_iter		= probe_read_iter,
	.write_iter		= probe_write_iter,
	.iopoll			= probe_iopoll,
	.iterate_shared		= probe_iterate_shared,
	.poll			= probe_poll,
	.unlocked_ioctl		= probe_ioctl,
	.compat_ioctl		= probe_compat_ioctl,
	.mmap			= probe_mmap,
	.flush			= probe_flush,
	.fsync			= probe_fsync,
	.fasync			= probe_fasync,
	.lock			= probe_file_lock,
	.get_unmapped_area	= probe_get_unmapped_area,
	.check_flags		= probe_check_flags,
	.flock			= probe_flock,
	.splice_write		= probe_splice_write,
	.splice_read		= probe_splice_read,
	.splice_eof		= probe_splice_eof,
	.setlease		= probe_setlease,
	.fallocate		= probe_fallocate,
	.show_fdinfo		= probe_show_fdinfo,
	.copy_file_range	= probe_copy_file_range,
	.remap_file_range	= probe_remap_file_range,
	.fadvise		= probe_fadvise,
	.uring_cmd		= probe_uring_cmd,
	.uring_cmd_iopoll	= probe_uring_cmd_iopoll,
};

static const struct file_operations probe_other_fops = {
	.owner	= THIS_MODULE,
};

/* What cdevm has to refuse. */
static int probe_swap_open(struct inode *inode, struct file *file)
{
	replace_fops(file, fops_get(&probe_other_fops));
	return 0;
}

static const struct file_operations probe_swap_fops = {
	.owner	= THIS_MODULE,
	.open	= probe_swap_open,
};

/* This as well. */
static int probe_move_open(struct inode *inode, struct file *file)
{
	file->f_mapping = inode->i_mapping;
	return probe_open_dev(container_of(inode->i_cdev, struct probe_dev, move), file);
}

static const struct file_operations probe_move_fops = {
	.owner		= THIS_MODULE,
	.open		= probe_move_open,
	.release	= probe_release,
	.mmap		= probe_mmap,
};

/* --- another driver's node, which has nothing to do with the device */

static struct cdev probe_slow;
static DECLARE_COMPLETION(probe_slow_go);

static int probe_set_slow(const char *val, const struct kernel_param *kp)
{
	complete(&probe_slow_go);
	return 0;
}

static const struct kernel_param_ops probe_slow_ops = { .set = probe_set_slow };
module_param_cb(slow, &probe_slow_ops, NULL, 0200);
MODULE_PARM_DESC(slow, "write to let one slow mmap() go on");

static int probe_slow_mmap(struct file *slow, struct vm_area_struct *vma)
{
	struct file *file;
	int ret = 0;

	if (vma->vm_pgoff) {
		file = fget(vma->vm_pgoff);
		if (!file)
			return -EBADF;
		vma_set_file(vma, file);
		vma->vm_pgoff = PROBE_MAP_REGS;
		ret = file->f_op->mmap(file, vma);
		fput(file);
	}
	wait_for_completion(&probe_slow_go);
	return ret;
}

static const struct file_operations probe_slow_fops = {
	.owner	= THIS_MODULE,
	.mmap	= probe_slow_mmap,
};

/* --- the device */

static void probe_kick(struct cdevm_scope *scope)
{
	struct probe_dev *p = container_of(scope, struct probe_dev, scope);

	if (p->lazy)
		return;
	while (probe_complete(probe_take(p, NULL, NULL), -ENODEV, IO_URING_F_UNLOCKED))
		;
}

static void probe_released(struct cdevm_scope *scope)
{
	struct probe_dev *p = container_of(scope, struct probe_dev, scope);

	WARN_ON(!list_empty(&p->requests));
	WARN_ON(p->fasync);
	atomic_inc(&probe_frees);
}

static const struct cdevm_ops probe_scope_ops = {
	.kick		= probe_kick,
	.released	= probe_released,
};

static const struct cdevm_ops probe_early_ops = {
	.kick			= probe_kick,
	.released		= probe_released,
	.release_at_unbind	= true,
};

static void probe_free_ram(void *page)
{
	put_page(page);
}

/* Seen in a trace: this is when ->remove() ran, and when its resources went. */
static void probe_in_remove(void *unused)
{
}

static void probe_in_probe(void *unused)
{
}

static void probe_unpublished_last(void *unused)
{
}

static void probe_unpublished_first(void *unused)
{
}

/* The registers belong to somebody else from now on. */
static void probe_regs_gone(void *regs)
{
	memset(regs, PROBE_GONE_BYTE, PAGE_SIZE);
}

static phys_addr_t probe_find_bar(void)
{
	phys_addr_t bar = 0;
#ifdef CONFIG_PCI
	struct pci_dev *edu = pci_get_device(0x1234, 0x11e8, NULL);

	if (edu) {
		bar = pci_resource_start(edu, 0);
		pci_write_config_word(edu, PCI_COMMAND, PCI_COMMAND_MEMORY);
		pci_dev_put(edu);
	}
#endif
	return bar;
}

static int probe_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct probe_dev *p;
	int ret;

	ret = devm_add_unpublish_action(dev, probe_unpublished_last, NULL);
	if (ret)
		return ret;
	p = devm_cdevm_alloc(dev, struct probe_dev, scope);
	if (IS_ERR(p))
		return PTR_ERR(p);
	atomic_inc(&probe_allocs);
	cdevm_set_ops(&p->scope, probe_early ? &probe_early_ops : &probe_scope_ops);
	p->dev = dev;
	spin_lock_init(&p->lock);
	INIT_LIST_HEAD(&p->requests);
	init_waitqueue_head(&p->wait);
	init_completion(&p->never);
	p->bar = probe_find_bar();

	p->ram = alloc_page(GFP_KERNEL);
	if (!p->ram)
		return -ENOMEM;
	memset(page_address(p->ram), PROBE_RAM_BYTE, PAGE_SIZE);
	ret = cdevm_add_action_or_reset(&p->scope, probe_free_ram, p->ram);
	if (ret)
		return ret;

	p->regs = (void *)devm_get_free_pages(dev, GFP_KERNEL, 0);
	if (!p->regs)
		return -ENOMEM;
	memset(p->regs, PROBE_REGS_BYTE, PAGE_SIZE);
	ret = devm_add_action_or_reset(dev, probe_regs_gone, p->regs) ?:
	      devm_add_action(dev, probe_in_probe, NULL);
	if (ret)
		return ret;

	mutex_lock(&probe_lock);
	probe_bound = p;
	mutex_unlock(&probe_lock);
	platform_set_drvdata(pdev, p);

	cdev_init(&p->cdev, &probe_fops);
	cdev_init(&p->swap, &probe_swap_fops);
	cdev_init(&p->move, &probe_move_fops);
	ret = cdevm_add_cdev(&p->scope, &p->cdev, probe_devt, PROBE_MINORS) ?:
	      cdevm_add_cdev(&p->scope, &p->swap, probe_devt + PROBE_SWAP, 1) ?:
	      cdevm_add_cdev(&p->scope, &p->move, probe_devt + PROBE_MOVE, 1) ?:
	      devm_add_unpublish_action(dev, probe_unpublished_first, NULL);
	if (!ret && probe_fails)
		ret = -EIO;
	if (ret) {
		mutex_lock(&probe_lock);
		probe_bound = NULL;
		mutex_unlock(&probe_lock);
	}
	return ret;
}

static void probe_remove(struct platform_device *pdev)
{
	struct probe_dev *p = platform_get_drvdata(pdev);

	WARN_ON(!cdevm_is_revoked(&p->scope));
	mutex_lock(&probe_lock);
	probe_bound = NULL;
	mutex_unlock(&probe_lock);
	/* For the trace. An action that could not be added is not seen there. */
	if (devm_add_action(&pdev->dev, probe_in_remove, NULL))
		dev_err(&pdev->dev, "no memory\n");
}

static void probe_shutdown(struct platform_device *pdev)
{
	struct probe_dev *p = platform_get_drvdata(pdev);

	/* Not an unbind: the driver stays, and so do its files. */
	WARN_ON(cdevm_is_revoked(&p->scope));
	dev_info(&pdev->dev, "shut down\n");
}

static struct platform_driver probe_driver = {
	.probe		= probe_probe,
	.remove		= probe_remove,
	.shutdown	= probe_shutdown,
	.driver		= {
		.name	= PROBE_DRIVER,
	},
};

static int probe_parent_probe(struct platform_device *pdev)
{
	return probe_parent_scope ?
	       PTR_ERR_OR_ZERO(devm_cdevm_create(&pdev->dev)) : 0;
}

/* The child stays. For the trace, as above. */
static void probe_parent_remove(struct platform_device *pdev)
{
	if (devm_add_action(&pdev->dev, probe_in_remove, NULL))
		dev_err(&pdev->dev, "no memory\n");
}

static struct platform_driver probe_parent_driver = {
	.probe	= probe_parent_probe,
	.remove	= probe_parent_remove,
	.driver	= {
		.name	= PROBE_PARENT,
	},
};

static int __init probe_init(void)
{
	int ret;

	ret = alloc_chrdev_region(&probe_devt, 0, PROBE_NODES, PROBE_DRIVER);
	if (ret)
		return ret;
	probe_major = MAJOR(probe_devt);
	cdev_init(&probe_slow, &probe_slow_fops);
	probe_slow.owner = THIS_MODULE;
	ret = cdev_add(&probe_slow, probe_devt + PROBE_SLOW, 1);
	if (ret)
		goto err_region;
	ret = platform_driver_register(&probe_parent_driver);
	if (ret)
		goto err_slow;
	ret = platform_driver_register(&probe_driver);
	if (ret)
		goto err_parent_driver;
	probe_parent = platform_device_register_simple(PROBE_PARENT, PLATFORM_DEVID_NONE,
						       NULL, 0);
	if (IS_ERR(probe_parent)) {
		ret = PTR_ERR(probe_parent);
		goto err_driver;
	}
	ret = probe_add_child();
	if (ret)
		goto err_parent;
	return 0;

err_parent:
	platform_device_unregister(probe_parent);
err_driver:
	platform_driver_unregister(&probe_driver);
err_parent_driver:
	platform_driver_unregister(&probe_parent_driver);
err_slow:
	cdev_del(&probe_slow);
err_region:
	unregister_chrdev_region(probe_devt, PROBE_NODES);
	return ret;
}
module_init(probe_init);

/* The drivers first: that, too, is an unbind that a test wants to see. */
static void __exit probe_exit(void)
{
	platform_driver_unregister(&probe_driver);
	platform_driver_unregister(&probe_parent_driver);
	if (!IS_ERR_OR_NULL(probe_child))
		platform_device_unregister(probe_child);
	platform_device_unregister(probe_parent);
	cdev_del(&probe_slow);
	unregister_chrdev_region(probe_devt, PROBE_NODES);
}
module_exit(probe_exit);

MODULE_DESCRIPTION("Driver with every file operation, for tests of cdevm");
MODULE_LICENSE("GPL");
