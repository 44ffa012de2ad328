// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the wrapped file operations, one by one: cdevm/fops.c,
 * mmap.c and calls.c
 *
 * A driver that has every method. Each is called while the device is bound,
 * when it has to reach the driver, and after the unbind, when it has to be
 * refused, or to reach the driver nevertheless, as the table in
 * Documentation/driver-api/driver-model/cdevm.rst says.
 */
#include <kunit/test.h>
#include <linux/cdev.h>
#include <linux/cdevm.h>
#include <linux/cdevm_call.h>
#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/io_uring/cmd.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mnt_idmapping.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/platform_device.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "cdevm_kunit.h"
#include "../resmgr_kunit.h"

#define NAME	"cdevm-ops-kunit"
/* What each method of the driver returns. */
#define SEEN	42

/* A driver's private struct. */
struct every {
	struct cdevm_scope	scope;
	struct cdev		cdev;
	struct fasync_struct	*fasync;
	wait_queue_head_t	wait;
	struct page		*page;
};

static struct {
	struct kunit		*test;
	struct platform_driver	driver;
	char			name[32];
	struct platform_device	*pdev;
	dev_t			devt;
	struct vfsmount		*mnt;
	struct every		*every;
	const struct file_operations *fops;
	atomic_t		freed;
	wait_queue_head_t	wait;
	/* The last method of the driver that was called, and how many were. */
	const char		*seen;
	unsigned int		calls;
	atomic_t		mappings;
	/* The last end of a mapping was in a call. */
	bool			ended_inside;
	struct completion	inside;
	bool			ready;
	/* Of replacing_fops and handing_fops. */
	unsigned int		replace;
	struct file		*other;
	/* Of queue_fops, and how pollers are put on it. */
	wait_queue_head_t	*queue;
	bool			exclusive;
	/* Of the scope; with @early files are released at unbind, too. */
	bool			mappings_stay, early;
	/* Called by every_fasync(), when it has removed a file. */
	void			(*fasync_off)(struct file *file);
} ops;

static int seen(const char *method)
{
	ops.seen = method;
	ops.calls++;
	return SEEN;
}

static void every_released(struct cdevm_scope *scope)
{
	atomic_inc(&ops.freed);
	wake_up(&ops.wait);
}

static const struct cdevm_ops every_ops = {
	.released = every_released,
};

static const struct cdevm_ops every_staying_ops = {
	.released	= every_released,
	.mappings_stay	= true,
};

static const struct cdevm_ops every_staying_early_ops = {
	.released		= every_released,
	.mappings_stay		= true,
	.release_at_unbind	= true,
};

static void every_free_page(void *page)
{
	put_page(page);
}

static int every_probe(struct platform_device *pdev)
{
	struct every *every;
	int ret;

	every = devm_cdevm_alloc(&pdev->dev, struct every, scope);
	if (IS_ERR(every))
		return PTR_ERR(every);
	cdevm_set_ops(&every->scope, ops.early ? &every_staying_early_ops :
		      ops.mappings_stay ? &every_staying_ops : &every_ops);
	init_waitqueue_head(&every->wait);
	every->page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!every->page)
		return -ENOMEM;
	ret = cdevm_add_action_or_reset(&every->scope, every_free_page, every->page);
	if (ret)
		return ret;
	memset(page_address(every->page), 'x', PAGE_SIZE);
	cdev_init(&every->cdev, ops.fops);
	ret = cdevm_add_cdev(&every->scope, &every->cdev, ops.devt, 1);
	if (!ret)
		ops.every = every;
	return ret;
}

static int ops_init(struct kunit *test)
{
	static unsigned int nr;
	int ret;

	memset(&ops, 0, sizeof(ops));
	ops.test = test;
	init_waitqueue_head(&ops.wait);
	init_completion(&ops.inside);
	ret = nodes_begin(&ops.mnt, &ops.devt, 1, NAME);
	if (ret)
		return ret;
	/* A name of its own, since that of the last one may still be there. */
	snprintf(ops.name, sizeof(ops.name), NAME "-%u", nr++);
	ops.driver.probe = every_probe;
	ops.driver.driver.name = ops.name;
	ops.driver.driver.owner = THIS_MODULE;
	ret = platform_driver_register(&ops.driver);
	if (ret) {
		nodes_end(ops.mnt, ops.devt, 1);
		ops.mnt = NULL;
	}
	return ret;
}

static void ops_exit(struct kunit *test)
{
	if (!ops.mnt)
		return;
	platform_device_unregister(ops.pdev);
	platform_driver_unregister(&ops.driver);
	if (ops.every)
		KUNIT_EXPECT_TRUE(test, wait_event_timeout(ops.wait,
							   atomic_read(&ops.freed),
							   30 * HZ));
	nodes_end(ops.mnt, ops.devt, 1);
}

/* Bind a driver with these operations. */
static void bind(struct kunit *test, const struct file_operations *fops)
{
	ops.fops = fops;
	ops.pdev = platform_device_register_simple(ops.name, PLATFORM_DEVID_NONE,
						   NULL, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ops.pdev);
	KUNIT_ASSERT_NOT_NULL(test, ops.every);
}

static void unbind(void)
{
	device_release_driver(&ops.pdev->dev);
}

static struct file *open_node(struct kunit *test)
{
	return node_must_open(test, ops.mnt, ops.devt);
}

/* The driver's methods. */
#define EVERY(type, method, ...)		\
static type every_##method(__VA_ARGS__)		\
{						\
	return seen(#method);			\
}

EVERY(loff_t, llseek, struct file *file, loff_t offset, int whence)
EVERY(ssize_t, read, struct file *file, char __user *buf, size_t len, loff_t *pos)
EVERY(ssize_t, write, struct file *file, const char __user *buf, size_t len, loff_t *pos)
EVERY(ssize_t, read_iter, struct kiocb *iocb, struct iov_iter *to)
EVERY(ssize_t, write_iter, struct kiocb *iocb, struct iov_iter *from)
EVERY(int, iopoll, struct kiocb *iocb, struct io_comp_batch *batch, unsigned int flags)
EVERY(int, iterate_shared, struct file *file, struct dir_context *ctx)
EVERY(__poll_t, poll, struct file *file, struct poll_table_struct *table)
EVERY(long, unlocked_ioctl, struct file *file, unsigned int cmd, unsigned long arg)
EVERY(long, compat_ioctl, struct file *file, unsigned int cmd, unsigned long arg)
EVERY(int, flush, struct file *file, fl_owner_t id)
EVERY(int, fsync, struct file *file, loff_t start, loff_t end, int datasync)
EVERY(int, lock, struct file *file, int cmd, struct file_lock *fl)
EVERY(unsigned long, get_unmapped_area, struct file *f, ulong a, ulong len, ulong off, ulong fl)
EVERY(int, check_flags, int flags)
EVERY(int, flock, struct file *file, int cmd, struct file_lock *fl)
EVERY(ssize_t, splice_write, struct pipe_inode_info *p, struct file *f, loff_t *o, size_t l, u32 x)
EVERY(ssize_t, splice_read, struct file *f, loff_t *o, struct pipe_inode_info *p, size_t l, uint fl)
EVERY(int, setlease, struct file *file, int arg, struct file_lease **lease, void **priv)
EVERY(long, fallocate, struct file *file, int mode, loff_t offset, loff_t len)
EVERY(ssize_t, copy_file_range, struct file *f, loff_t o, struct file *t, loff_t p, size_t l, u32 x)
EVERY(loff_t, remap_file_range, struct file *f, loff_t o, struct file *t, loff_t p, loff_t l, u32 x)
EVERY(int, fadvise, struct file *file, loff_t offset, loff_t len, int advice)
EVERY(int, uring_cmd, struct io_uring_cmd *cmd, unsigned int flags)
EVERY(int, uring_cmd_iopoll, struct io_uring_cmd *cmd, struct io_comp_batch *batch, uint flags)

static void every_splice_eof(struct file *file)
{
	seen("splice_eof");
}

static void every_show_fdinfo(struct seq_file *m, struct file *file)
{
	seen("show_fdinfo");
}

static int every_fasync(int fd, struct file *file, int on)
{
	int ret = fasync_helper(fd, file, on, &ops.every->fasync);

	seen("fasync");
	if (!on && ops.fasync_off)
		ops.fasync_off(file);
	return ret < 0 ? ret : SEEN;
}

static const struct file_operations every_fops = {
	.owner			= THIS_MODULE,
	.llseek			= every_llseek,
	.read			= every_read,
	.write			= every_write,
	.read_iter		= every_read_iter,
	.write_iter		= every_write_iter,
	.iopoll			= every_iopoll,
	.iterate_shared		= every_iterate_shared,
	.poll			= every_poll,
	.unlocked_ioctl		= every_unlocked_ioctl,
	.compat_ioctl		= every_compat_ioctl,
	.flush			= every_flush,
	.fsync			= every_fsync,
	.fasync			= every_fasync,
	.lock			= every_lock,
	.get_unmapped_area	= every_get_unmapped_area,
	.check_flags		= every_check_flags,
	.flock			= every_flock,
	.splice_write		= every_splice_write,
	.splice_read		= every_splice_read,
	.splice_eof		= every_splice_eof,
	.setlease		= every_setlease,
	.fallocate		= every_fallocate,
	.show_fdinfo		= every_show_fdinfo,
	.copy_file_range	= every_copy_file_range,
	.remap_file_range	= every_remap_file_range,
	.fadvise		= every_fadvise,
	.uring_cmd		= every_uring_cmd,
	.uring_cmd_iopoll	= every_uring_cmd_iopoll,
};

/* Calls of them, as the VFS makes them. */
#define CALL(method, ...)				\
static long call_##method(struct file *f)		\
{							\
	return (long)f->f_op->method(__VA_ARGS__);	\
}

#define CALL_LOCK(name, method, cmd, lock_type)		\
static long call_##name(struct file *f)			\
{							\
	struct file_lock fl = { .c.flc_type = lock_type };	\
							\
	return f->f_op->method(f, cmd, &fl);		\
}

#define CALL_IOCB(method, ...)				\
static long call_##method(struct file *f)		\
{							\
	struct kiocb iocb = { .ki_filp = f };		\
							\
	return f->f_op->method(&iocb, ##__VA_ARGS__);	\
}

#define CALL_URING(name, method, ...)			\
static long call_##name(struct file *f)			\
{							\
	struct io_uring_cmd cmd = { .file = f };	\
							\
	return f->f_op->method(&cmd, ##__VA_ARGS__);	\
}

#define CALL_VOID(method, ...)				\
static long call_##method(struct file *f)		\
{							\
	f->f_op->method(__VA_ARGS__);			\
	return 0;					\
}

CALL(llseek, f, 0, SEEK_SET)
CALL(read, f, NULL, 0, NULL)
CALL(write, f, NULL, 0, NULL)
CALL_IOCB(read_iter, NULL)
CALL_IOCB(write_iter, NULL)
CALL_IOCB(iopoll, NULL, 0)
CALL(iterate_shared, f, NULL)
CALL(unlocked_ioctl, f, 0, 0)
CALL(compat_ioctl, f, 0, 0)
CALL(flush, f, NULL)
CALL(fsync, f, 0, 0, 0)
CALL_LOCK(lock, lock, F_SETLK, F_WRLCK)
CALL_LOCK(unlock, lock, F_SETLK, F_UNLCK)
CALL_LOCK(cancel_lock, lock, F_CANCELLK, F_WRLCK)
CALL_LOCK(ask_lock, lock, F_GETLK, F_WRLCK)
/* With F_OFD_GETLK the type may be F_UNLCK. It is still a question, not an unlock. */
CALL_LOCK(ask_unlock, lock, F_GETLK, F_UNLCK)
CALL(get_unmapped_area, f, 0, 0, 0, 0)
CALL(check_flags, 0)
CALL_LOCK(flock, flock, F_SETLK, F_WRLCK)
CALL_LOCK(funlock, flock, F_SETLK, F_UNLCK)
CALL(splice_write, NULL, f, NULL, 0, 0)
CALL(splice_read, f, NULL, NULL, 0, 0)
CALL_VOID(splice_eof, f)
CALL(setlease, f, F_WRLCK, NULL, NULL)
CALL(fallocate, f, 0, 0, 0)
CALL_VOID(show_fdinfo, NULL, f)
CALL(copy_file_range, NULL, 0, f, 0, 0, 0)
CALL(remap_file_range, f, 0, NULL, 0, 0, 0)
CALL(fadvise, f, 0, 0, 0)
CALL_URING(uring_cmd, uring_cmd, 0)
CALL_URING(uring_cancel, uring_cmd, IO_URING_F_CANCEL)
CALL_URING(uring_cmd_iopoll, uring_cmd_iopoll, NULL, 0)

static long call_poll(struct file *f)
{
	return (__force long)f->f_op->poll(f, NULL);
}

static long call_unlease(struct file *f)
{
	return f->f_op->setlease(f, F_UNLCK, NULL, NULL);
}

/**
 * struct method - what is expected of a method
 * @desc: what is called
 * @name: the driver's method that sees it
 * @call: calls it
 * @refused: what it returns after the unbind
 * @bound: what it returns before, if it is not %SEEN
 * @always: it reaches the driver after the unbind, too
 */
struct method {
	const char	*desc;
	const char	*name;
	long		(*call)(struct file *file);
	long		refused;
	long		bound;
	bool		always;
};

#define GATED(method)		{ #method, #method, call_##method, -ENODEV, SEEN }
#define SILENT(method)		{ #method, #method, call_##method, 0, 0 }
#define GATED_AS(desc, method)	{ #desc, #method, call_##desc, -ENODEV, SEEN }
/* Nothing is found to be complete. */
#define NOTHING(method)		{ #method, #method, call_##method, 0, SEEN }
#define ALWAYS(desc, method)	{ #desc, #method, call_##desc, SEEN, SEEN, true }

static const struct method methods[] = {
	GATED(llseek), GATED(read), GATED(write), GATED(read_iter),
	GATED(write_iter), NOTHING(iopoll), GATED(iterate_shared),
	GATED(unlocked_ioctl), GATED(compat_ioctl), GATED(flush), GATED(fsync),
	GATED(lock), GATED(get_unmapped_area), GATED(flock),
	GATED(splice_write), GATED(splice_read), GATED(setlease),
	GATED(fallocate), GATED(copy_file_range), GATED(remap_file_range),
	GATED(fadvise), GATED(uring_cmd), NOTHING(uring_cmd_iopoll),
	GATED_AS(ask_lock, lock), GATED_AS(ask_unlock, lock),
	{ "poll", "poll", call_poll, (__force long)(EPOLLHUP | EPOLLERR), SEEN },
	SILENT(splice_eof), SILENT(show_fdinfo),
	ALWAYS(unlock, lock), ALWAYS(funlock, flock), ALWAYS(unlease, setlease),
	ALWAYS(cancel_lock, lock), ALWAYS(uring_cancel, uring_cmd),
	ALWAYS(check_flags, check_flags),
};

KUNIT_ARRAY_PARAM_DESC(method, methods, desc);

static void ops_method(struct kunit *test)
{
	const struct method *m = test->param_value;
	struct file *file;

	bind(test, &every_fops);
	file = open_node(test);
	KUNIT_EXPECT_EQ(test, m->call(file), m->bound);
	KUNIT_EXPECT_STREQ(test, ops.seen, m->name);
	KUNIT_EXPECT_EQ(test, ops.calls, 1);

	unbind();
	ops.seen = "none";
	KUNIT_EXPECT_EQ(test, m->call(file), m->refused);
	KUNIT_EXPECT_STREQ(test, ops.seen, m->always ? m->name : "none");
	KUNIT_EXPECT_EQ(test, ops.calls, m->always ? 2 : 1);
	close_file(file);
}

/* A driver's list of those who want SIGIO is emptied, whatever happened. */
static void ops_fasync(struct kunit *test)
{
	struct file *file;

	bind(test, &every_fops);
	file = open_node(test);
	KUNIT_EXPECT_EQ(test, file->f_op->fasync(1, file, 1), SEEN);
	KUNIT_EXPECT_NOT_NULL(test, ops.every->fasync);
	KUNIT_EXPECT_NOT_NULL(test, ops.every->scope.fasync);
	unbind();
	KUNIT_EXPECT_EQ(test, file->f_op->fasync(2, file, 1), -ENODEV);
	KUNIT_EXPECT_EQ(test, file->f_op->fasync(-1, file, 0), SEEN);
	KUNIT_EXPECT_NULL(test, ops.every->fasync);
	KUNIT_EXPECT_NULL(test, ops.every->scope.fasync);
	close_file(file);
}

static struct {
	struct file		*file;
	struct completion	begun, done;
} sigio;

static int sigio_on(void *unused)
{
	complete(&sigio.begun);
	sigio.file->f_op->fasync(1, sigio.file, 1);
	complete_all(&sigio.done);
	return 0;
}

/* Another thread wants SIGIO again meanwhile. */
static void sigio_meanwhile(struct file *file)
{
	ops.fasync_off = NULL;
	sigio.file = file;
	if (IS_ERR(kthread_run(sigio_on, NULL, NAME)))
		return;
	wait_for_completion(&sigio.begun);
	wait_for_completion_timeout(&sigio.done, msecs_to_jiffies(300));
}

/*
 * A file has one mark for two lists. If a file is on the driver's list and has no
 * mark, it stays there when it is closed.
 */
static void ops_fasync_both_ways(struct kunit *test)
{
	struct file *file;

	init_completion(&sigio.begun);
	init_completion(&sigio.done);
	bind(test, &every_fops);
	file = open_node(test);
	KUNIT_EXPECT_EQ(test, file->f_op->fasync(1, file, 1), SEEN);
	ops.fasync_off = sigio_meanwhile;
	KUNIT_EXPECT_EQ(test, file->f_op->fasync(1, file, 0), SEEN);
	KUNIT_ASSERT_NULL(test, ops.fasync_off);
	wait_for_completion(&sigio.done);
	KUNIT_EXPECT_TRUE(test, file->f_flags & FASYNC);
	KUNIT_EXPECT_NOT_NULL(test, ops.every->fasync);
	KUNIT_EXPECT_NOT_NULL(test, ops.every->scope.fasync);
	file->f_op->fasync(-1, file, 0);
	unbind();
	close_file(file);
}

/*
 * A driver that ends SIGIO by itself, for example in an ioctl(). The VFS does
 * not call fasync() at close then, since the file is not marked any more.
 */
static void ops_fasync_ended_by_driver(struct kunit *test)
{
	struct file *file, *other;

	bind(test, &every_fops);
	file = open_node(test);
	other = open_node(test);
	KUNIT_EXPECT_EQ(test, file->f_op->fasync(1, file, 1), SEEN);
	KUNIT_EXPECT_EQ(test, other->f_op->fasync(1, other, 1), SEEN);
	KUNIT_EXPECT_EQ(test, fasync_helper(-1, file, 0, &ops.every->fasync), 1);
	KUNIT_EXPECT_FALSE(test, file->f_flags & FASYNC);
	close_file(file);
	KUNIT_EXPECT_EQ(test, ops.calls, 2);
	KUNIT_ASSERT_NOT_NULL(test, ops.every->scope.fasync);
	KUNIT_EXPECT_NULL(test, ops.every->scope.fasync->fa_next);
	KUNIT_EXPECT_PTR_EQ(test, ops.every->scope.fasync->fa_file, other);
	/* Reads what is on the list. */
	unbind();
	KUNIT_EXPECT_EQ(test, other->f_op->fasync(-1, other, 0), SEEN);
	KUNIT_EXPECT_NULL(test, ops.every->scope.fasync);
	close_file(other);
}

/* Somebody who can be on one queue only, as aio's polls. */
struct poller {
	poll_table		table;
	wait_queue_head_t	*queue, *second;
	struct wait_queue_entry	entry;
	__poll_t		key;
	unsigned int		queued, woken;
};

static int poller_wake(struct wait_queue_entry *entry, unsigned int mode, int sync,
		       void *key)
{
	struct poller *p = container_of(entry, struct poller, entry);

	p->key |= key_to_poll(key);
	p->woken++;
	if (key_to_poll(key) & POLLFREE)
		list_del_init(&entry->entry);
	return 1;
}

static void poller_queue(struct file *file, wait_queue_head_t *queue, poll_table *table)
{
	struct poller *p = container_of(table, struct poller, table);

	if (p->queued++) {
		p->second = queue;
		return;
	}
	p->queue = queue;
	init_waitqueue_func_entry(&p->entry, poller_wake);
	if (ops.exclusive)
		add_wait_queue_exclusive(queue, &p->entry);
	else
		add_wait_queue(queue, &p->entry);
}

static __poll_t queueing_poll(struct file *file, struct poll_table_struct *table)
{
	seen("poll");
	poll_wait(file, &ops.every->wait, table);
	return ops.ready ? EPOLLIN : 0;
}

static const struct file_operations queueing_fops = {
	.owner	= THIS_MODULE,
	.poll	= queueing_poll,
};

/* A poller is on the queue of the driver's and on no other, and is woken there. */
static void ops_poll_has_one_queue(struct kunit *test)
{
	struct poller *p = kunit_kcalloc(test, 2, sizeof(*p), GFP_KERNEL);
	struct file *file, *closed;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	bind(test, &queueing_fops);
	file = open_node(test);
	closed = open_node(test);
	for (i = 0; i < 2; i++) {
		init_poll_funcptr(&p[i].table, poller_queue);
		KUNIT_EXPECT_EQ(test, (__force int)vfs_poll(i ? closed : file, &p[i].table), 0);
		KUNIT_EXPECT_EQ(test, p[i].queued, 1);
		KUNIT_EXPECT_PTR_EQ(test, p[i].queue, &ops.every->wait);
	}
	/* A second poll, or a poll that does not wait, adds no entry. */
	KUNIT_EXPECT_EQ(test, (__force int)vfs_poll(file, &p[0].table), 0);
	KUNIT_EXPECT_EQ(test, (__force int)vfs_poll(file, NULL), 0);
	/* What was closed is forgotten: with it its queue may go. */
	remove_wait_queue(p[1].queue, &p[1].entry);
	close_file(closed);

	unbind();
	KUNIT_EXPECT_EQ(test, p[0].woken, 1);
	KUNIT_EXPECT_EQ(test, (__force int)p[0].key, (__force int)(EPOLLHUP | EPOLLERR));
	KUNIT_EXPECT_EQ(test, (__force int)vfs_poll(file, NULL),
			(__force int)(EPOLLHUP | EPOLLERR));
	remove_wait_queue(p[0].queue, &p[0].entry);
	close_file(file);
}

/*
 * Queues that go before the file does. Whoever frees one wakes it with POLLFREE
 * and waits for RCU readers, as the kernel's own pollers demand.
 */
static __poll_t queue_poll(struct file *file, struct poll_table_struct *table)
{
	poll_wait(file, READ_ONCE(ops.queue), table);
	return ops.ready ? EPOLLIN : 0;
}

static const struct file_operations queue_fops = {
	.owner	= THIS_MODULE,
	.poll	= queue_poll,
};

static void queue_new(struct kunit *test)
{
	ops.queue = kmalloc_obj(*ops.queue, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ops.queue);
	init_waitqueue_head(ops.queue);
}

/* As a driver asks. */
static bool queue_is_used(void)
{
	/* No other task changes it meanwhile. */
	return waitqueue_active(ops.queue);
}

static void queue_free(void)
{
	wait_queue_head_t *queue = ops.queue;

	ops.queue = NULL;
	synchronize_rcu();
	kfree(queue);
}

static void poller_arm(struct kunit *test, struct poller *p, struct file *file)
{
	memset(p, 0, sizeof(*p));
	init_poll_funcptr(&p->table, poller_queue);
	KUNIT_EXPECT_EQ(test, (__force int)vfs_poll(file, &p->table), 0);
	KUNIT_ASSERT_EQ(test, p->queued, 1);
}

static void poller_disarm(struct poller *p)
{
	remove_wait_queue(p->queue, &p->entry);
}

/* As poll() and select() are: on any number of queues, until they return. */
static void queue_sleeper(struct kunit *test, struct file *file, int mask)
{
	struct poll_wqueues *sleeper = kunit_kzalloc(test, sizeof(*sleeper), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, sleeper);
	poll_initwait(sleeper);
	KUNIT_EXPECT_EQ(test, (__force int)vfs_poll(file, &sleeper->pt), mask);
	KUNIT_EXPECT_TRUE(test, queue_is_used());
	poll_freewait(sleeper);
}

/* No poller is on the queue after poll() has returned, so the driver frees it. */
static void ops_poll_leaves_the_queue(struct kunit *test)
{
	struct file *file;

	bind(test, &queue_fops);
	queue_new(test);
	file = open_node(test);
	queue_sleeper(test, file, 0);
	KUNIT_EXPECT_FALSE(test, queue_is_used());
	KUNIT_EXPECT_TRUE(test, list_empty(&ops.every->scope.gone.head));
	ops.ready = true;
	queue_sleeper(test, file, (__force int)EPOLLIN);
	KUNIT_EXPECT_FALSE(test, queue_is_used());
	queue_free();
	unbind();
	close_file(file);
}

/* One that is in poll() when the device goes. */
static void ops_poll_sleeper_is_woken(struct kunit *test)
{
	struct poll_wqueues *sleeper = kunit_kzalloc(test, sizeof(*sleeper), GFP_KERNEL);
	struct file *file;

	KUNIT_ASSERT_NOT_NULL(test, sleeper);
	bind(test, &queue_fops);
	queue_new(test);
	file = open_node(test);
	poll_initwait(sleeper);
	KUNIT_EXPECT_EQ(test, (__force int)vfs_poll(file, &sleeper->pt), 0);
	KUNIT_EXPECT_FALSE(test, sleeper->triggered);
	unbind();
	KUNIT_EXPECT_TRUE(test, sleeper->triggered);
	KUNIT_EXPECT_EQ(test, (__force int)vfs_poll(file, NULL),
			(__force int)(EPOLLHUP | EPOLLERR));
	poll_freewait(sleeper);
	queue_free();
	close_file(file);
}

/* A poller that stays is told with POLLFREE, and so is cdevm. */
static void ops_poll_queue_is_freed(struct kunit *test)
{
	struct poller *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	struct file *file;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	bind(test, &queue_fops);
	file = open_node(test);
	for (i = 0; i < 3; i++) {
		queue_new(test);
		poller_arm(test, p, file);
		wake_up_pollfree(ops.queue);
		KUNIT_EXPECT_TRUE(test, p->key & POLLFREE);
		KUNIT_EXPECT_FALSE(test, queue_is_used());
		queue_free();
	}
	/* The one that is there when the device goes is woken. */
	queue_new(test);
	poller_arm(test, p, file);
	unbind();
	KUNIT_EXPECT_EQ(test, (__force int)p->key, (__force int)(EPOLLHUP | EPOLLERR));
	poller_disarm(p);
	close_file(file);
	KUNIT_EXPECT_FALSE(test, queue_is_used());
	queue_free();
}

/*
 * After a poller has left the queue, the entry that stands for it leaves at the
 * next wakeup.
 */
static void ops_poll_leaves_when_alone(struct kunit *test)
{
	struct poller *p = kunit_kcalloc(test, 2, sizeof(*p), GFP_KERNEL);
	struct file *file[2];
	int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	bind(test, &queue_fops);
	queue_new(test);
	for (i = 0; i < 2; i++) {
		file[i] = open_node(test);
		poller_arm(test, &p[i], file[i]);
	}
	poller_disarm(&p[0]);
	wake_up(ops.queue);
	KUNIT_EXPECT_EQ(test, p[1].woken, 1);
	KUNIT_EXPECT_TRUE(test, queue_is_used());
	poller_disarm(&p[1]);
	wake_up(ops.queue);
	KUNIT_EXPECT_FALSE(test, queue_is_used());

	/* It comes back with the next one. */
	poller_arm(test, &p[0], file[0]);
	unbind();
	KUNIT_EXPECT_EQ(test, (__force int)p[0].key, (__force int)(EPOLLHUP | EPOLLERR));
	poller_disarm(&p[0]);
	for (i = 0; i < 2; i++)
		close_file(file[i]);
	queue_free();
}

/* Exclusive pollers are woken one at a time, in order. The unbind wakes all. */
static void ops_poll_exclusive(struct kunit *test)
{
	struct poller *p = kunit_kcalloc(test, 3, sizeof(*p), GFP_KERNEL);
	struct file *file[2];
	int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	bind(test, &queue_fops);
	queue_new(test);
	ops.exclusive = true;
	for (i = 0; i < 2; i++)
		file[i] = open_node(test);
	poller_arm(test, &p[0], file[0]);
	poller_arm(test, &p[1], file[1]);
	wake_up(ops.queue);
	KUNIT_EXPECT_EQ(test, p[0].woken, 1);
	KUNIT_EXPECT_EQ(test, p[1].woken, 0);

	/* The first goes and comes again, so the other is the first now. */
	poller_disarm(&p[0]);
	poller_arm(test, &p[2], file[0]);
	wake_up(ops.queue);
	KUNIT_EXPECT_EQ(test, p[1].woken, 1);
	KUNIT_EXPECT_EQ(test, p[2].woken, 0);
	poller_disarm(&p[1]);
	wake_up(ops.queue);
	KUNIT_EXPECT_EQ(test, p[2].woken, 1);

	p[2].key = 0;
	unbind();
	KUNIT_EXPECT_EQ(test, (__force int)p[2].key, (__force int)(EPOLLHUP | EPOLLERR));
	poller_disarm(&p[2]);
	for (i = 0; i < 2; i++)
		close_file(file[i]);
	queue_free();
}

/* If there is no memory to remember the queue, that of the scope is used. */
static void ops_poll_without_memory(struct kunit *test)
{
	struct poller *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	struct file *file;
	__poll_t mask;

	KUNIT_ASSERT_NOT_NULL(test, p);
	faults_need(test);
	bind(test, &queue_fops);
	queue_new(test);
	file = open_node(test);
	init_poll_funcptr(&p->table, poller_queue);
	faults_arm(1);
	mask = vfs_poll(file, &p->table);
	KUNIT_EXPECT_TRUE(test, faults_disarm());
	KUNIT_EXPECT_EQ(test, (__force int)mask, 0);
	KUNIT_EXPECT_EQ(test, p->queued, 2);
	KUNIT_EXPECT_PTR_EQ(test, p->queue, ops.queue);
	KUNIT_EXPECT_PTR_EQ(test, p->second, &ops.every->scope.gone);
	poller_disarm(p);
	KUNIT_EXPECT_FALSE(test, queue_is_used());
	queue_free();
	unbind();
	close_file(file);
}

/* Mappings */
static void every_vm_open(struct vm_area_struct *vma)
{
	atomic_inc(&ops.mappings);
}

static void every_vm_close(struct vm_area_struct *vma)
{
	atomic_dec(&ops.mappings);
	ops.ended_inside = cdevm_innermost_call();
}

static vm_fault_t every_vm_fault(struct vm_fault *vmf)
{
	seen("fault");
	get_page(ops.every->page);
	vmf->page = ops.every->page;
	return 0;
}

static int every_vm_access(struct vm_area_struct *vma, unsigned long addr,
			   void *buf, int len, int write)
{
	return seen("access");
}

static const struct vm_operations_struct every_vm_ops = {
	.open	= every_vm_open,
	.close	= every_vm_close,
	.fault	= every_vm_fault,
	.access	= every_vm_access,
};

static int every_mmap(struct file *file, struct vm_area_struct *vma)
{
	seen("mmap");
	vma->vm_ops = &every_vm_ops;
	every_vm_open(vma);
	return 0;
}

static const struct file_operations mapped_fops = {
	.owner	= THIS_MODULE,
	.mmap	= every_mmap,
};

static unsigned long map(struct kunit *test, struct file *file, unsigned long flags)
{
	return kunit_vm_mmap(test, file, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
			     flags, 0);
}

static void ops_mmap(struct kunit *test)
{
	unsigned long flags = *(unsigned long *)test->param_value, addr;
	struct vm_area_struct *vma;
	struct file *file;
	char c = 0;

	bind(test, &mapped_fops);
	file = open_node(test);
	KUNIT_EXPECT_PTR_EQ(test, file->f_mapping, ops.every->scope.inode->i_mapping);
	addr = map(test, file, flags);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, atomic_read(&ops.mappings), 1);
	KUNIT_EXPECT_EQ(test, get_user(c, (char __user *)addr), 0);
	KUNIT_EXPECT_EQ(test, c, 'x');
	KUNIT_EXPECT_EQ(test, put_user('y', (char __user *)addr), 0);
	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, addr);
	KUNIT_EXPECT_NOT_NULL(test, vma);
	if (vma)
		KUNIT_EXPECT_EQ(test, vma->vm_ops->access(vma, addr, &c, 1, 0), SEEN);
	mmap_read_unlock(current->mm);
	KUNIT_EXPECT_STREQ(test, ops.seen, "access");

	unbind();
	ops.seen = "none";
	KUNIT_EXPECT_EQ(test, get_user(c, (char __user *)addr), -EFAULT);
	KUNIT_EXPECT_EQ(test, put_user('z', (char __user *)addr), -EFAULT);
	KUNIT_EXPECT_STREQ(test, ops.seen, "none");
	KUNIT_EXPECT_EQ(test, map(test, file, flags), (unsigned long)-ENODEV);

	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, addr);
	KUNIT_EXPECT_NOT_NULL(test, vma);
	if (vma)
		KUNIT_EXPECT_EQ(test, vma->vm_ops->access(vma, addr, &c, 1, 0), -ENODEV);
	mmap_read_unlock(current->mm);
	KUNIT_EXPECT_STREQ(test, ops.seen, "none");

	/* The driver is told of the end of the mapping all the same. */
	KUNIT_EXPECT_EQ(test, vm_munmap(addr, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&ops.mappings), 0);
	close_file(file);
}

static const unsigned long map_flags[] = { MAP_SHARED, MAP_PRIVATE };

static void map_flags_desc(const unsigned long *flags, char *desc)
{
	strscpy(desc, *flags == MAP_SHARED ? "shared" : "private", KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(map_flags, map_flags, map_flags_desc);

/* Each method of a mapping that has the gate in front. */
#define EVERY_VM(type, method, ...)			\
static type gated_vm_##method(__VA_ARGS__)		\
{							\
	return (__force type)seen(#method);		\
}

EVERY_VM(int, may_split, struct vm_area_struct *vma, unsigned long addr)
EVERY_VM(int, mremap, struct vm_area_struct *vma)
EVERY_VM(int, mprotect, struct vm_area_struct *vma, ulong start, ulong end, ulong flags)
EVERY_VM(vm_fault_t, fault, struct vm_fault *vmf)
EVERY_VM(vm_fault_t, huge_fault, struct vm_fault *vmf, unsigned int order)
EVERY_VM(vm_fault_t, map_pages, struct vm_fault *vmf, pgoff_t start, pgoff_t end)
EVERY_VM(unsigned long, pagesize, struct vm_area_struct *vma)
EVERY_VM(vm_fault_t, page_mkwrite, struct vm_fault *vmf)
EVERY_VM(vm_fault_t, pfn_mkwrite, struct vm_fault *vmf)
EVERY_VM(int, access, struct vm_area_struct *vma, ulong addr, void *buf, int len, int write)

static const struct vm_operations_struct gated_vm_ops = {
	.may_split	= gated_vm_may_split,
	.mremap		= gated_vm_mremap,
	.mprotect	= gated_vm_mprotect,
	.fault		= gated_vm_fault,
	.huge_fault	= gated_vm_huge_fault,
	.map_pages	= gated_vm_map_pages,
	.pagesize	= gated_vm_pagesize,
	.page_mkwrite	= gated_vm_page_mkwrite,
	.pfn_mkwrite	= gated_vm_pfn_mkwrite,
	.access		= gated_vm_access,
};

static int gated_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &gated_vm_ops;
	return 0;
}

static const struct file_operations gated_fops = {
	.owner	= THIS_MODULE,
	.mmap	= gated_mmap,
};

#define CALL_VM(method, ...)						\
static long call_vm_##method(struct vm_area_struct *vma)		\
{									\
	return (__force long)vma->vm_ops->method(__VA_ARGS__);		\
}

#define CALL_FAULT(method, ...)						\
static long call_vm_##method(struct vm_area_struct *vma)		\
{									\
	struct vm_fault vmf = { .vma = vma };				\
									\
	return (__force long)vma->vm_ops->method(&vmf, ##__VA_ARGS__);	\
}

CALL_VM(may_split, vma, vma->vm_start)
CALL_VM(mremap, vma)
CALL_VM(mprotect, vma, vma->vm_start, vma->vm_end, 0)
CALL_FAULT(fault)
CALL_FAULT(huge_fault, 0)
CALL_FAULT(map_pages, 0, 0)
CALL_VM(pagesize, vma)
CALL_FAULT(page_mkwrite)
CALL_FAULT(pfn_mkwrite)
CALL_VM(access, vma, vma->vm_start, NULL, 0, 0)

/**
 * struct vm_method - what is expected of a method of a mapping
 * @name: its name
 * @call: calls it
 * @refused: what it returns after the unbind; before, it is %SEEN
 */
struct vm_method {
	const char	*name;
	long		(*call)(struct vm_area_struct *vma);
	long		refused;
};

#define VM_METHOD(method, refused) { #method, call_vm_##method, (__force long)(refused) }

static const struct vm_method vm_methods[] = {
	VM_METHOD(may_split, 0),
	VM_METHOD(mremap, -ENODEV),
	VM_METHOD(mprotect, -ENODEV),
	VM_METHOD(fault, VM_FAULT_SIGBUS),
	VM_METHOD(huge_fault, VM_FAULT_SIGBUS),
	VM_METHOD(map_pages, 0),
	VM_METHOD(pagesize, PAGE_SIZE),
	VM_METHOD(page_mkwrite, VM_FAULT_SIGBUS),
	VM_METHOD(pfn_mkwrite, VM_FAULT_SIGBUS),
	VM_METHOD(access, -ENODEV),
};

KUNIT_ARRAY_PARAM_DESC(vm_method, vm_methods, name);

static void expect_vm_method(struct kunit *test, unsigned long addr, long want)
{
	const struct vm_method *m = test->param_value;
	struct vm_area_struct *vma;

	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, addr);
	KUNIT_EXPECT_NOT_NULL(test, vma);
	if (vma)
		KUNIT_EXPECT_EQ(test, m->call(vma), want);
	mmap_read_unlock(current->mm);
}

static void ops_vm_method(struct kunit *test)
{
	const struct vm_method *m = test->param_value;
	struct file *file;
	unsigned long addr;

	bind(test, &gated_fops);
	file = open_node(test);
	addr = map(test, file, MAP_SHARED);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	ops.calls = 0;
	expect_vm_method(test, addr, SEEN);
	KUNIT_EXPECT_STREQ(test, ops.seen, m->name);
	KUNIT_EXPECT_EQ(test, ops.calls, 1);

	unbind();
	ops.seen = "none";
	expect_vm_method(test, addr, m->refused);
	KUNIT_EXPECT_STREQ(test, ops.seen, "none");
	KUNIT_EXPECT_EQ(test, ops.calls, 1);
	KUNIT_EXPECT_EQ(test, vm_munmap(addr, PAGE_SIZE), 0);
	close_file(file);
}

/*
 * A driver that wants its mappings in an address space of its own, where those
 * of a device that goes would not be found.
 */
enum replace { REPLACE_IN_OPEN, REPLACE_LATER, REPLACE_IN_MMAP };

static void replace_mapping(struct file *file)
{
	file->f_mapping = d_inode(ops.mnt->mnt_root)->i_mapping;
}

static int replacing_open(struct inode *inode, struct file *file)
{
	if (ops.replace == REPLACE_IN_OPEN)
		replace_mapping(file);
	return 0;
}

static int replacing_release(struct inode *inode, struct file *file)
{
	return seen("release");
}

static int replacing_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (ops.replace == REPLACE_IN_MMAP)
		replace_mapping(file);
	return every_mmap(file, vma);
}

static const struct file_operations replacing_fops = {
	.owner		= THIS_MODULE,
	.open		= replacing_open,
	.release	= replacing_release,
	.mmap		= replacing_mmap,
};

static const enum replace replaces[] = {
	REPLACE_IN_OPEN, REPLACE_LATER, REPLACE_IN_MMAP
};

static void replace_desc(const enum replace *replace, char *desc)
{
	static const char *const names[] = { "in open", "later", "in mmap" };

	strscpy(desc, names[*replace], KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(replace, replaces, replace_desc);

/* It is refused: in open() if it is done there, else in mmap(). */
static void ops_mapping_replaced(struct kunit *test)
{
	unsigned long addr = 0;
	struct file *file;

	ops.replace = *(enum replace *)test->param_value;
	bind(test, &replacing_fops);
	if (ops.replace == REPLACE_IN_OPEN) {
		EXPECT_WARNING(test, "open() replaced f_mapping",
			       file = node_file(ops.mnt, ops.devt));
		KUNIT_EXPECT_PTR_EQ(test, file, ERR_PTR(-EINVAL));
		KUNIT_EXPECT_STREQ(test, ops.seen, "release");
		KUNIT_EXPECT_EQ(test, ops.calls, 1);
		return;
	}
	file = open_node(test);
	if (ops.replace == REPLACE_LATER) {
		struct address_space *was = file->f_mapping;

		KUNIT_ASSERT_PTR_EQ(test, was, ops.every->scope.inode->i_mapping);
		replace_mapping(file);
		EXPECT_WARNING(test, "f_mapping was replaced before mmap()",
			       addr = map(test, file, MAP_SHARED));
		KUNIT_EXPECT_EQ(test, ops.calls, 0);
	} else {
		EXPECT_WARNING(test, "mmap() replaced f_mapping",
			       addr = map(test, file, MAP_SHARED));
		KUNIT_EXPECT_STREQ(test, ops.seen, "mmap");
	}
	KUNIT_EXPECT_EQ(test, addr, (unsigned long)-EINVAL);
	/* As many ends of mappings as beginnings. */
	KUNIT_EXPECT_EQ(test, atomic_read(&ops.mappings), 0);
	close_file(file);
}

/* A node that cannot be mapped may use what address space it likes. */
static const struct file_operations unmapped_fops = {
	.owner		= THIS_MODULE,
	.open		= replacing_open,
};

static void ops_mapping_of_no_mapping(struct kunit *test)
{
	struct file *file;

	bind(test, &unmapped_fops);
	file = open_node(test);
	KUNIT_EXPECT_PTR_EQ(test, file->f_mapping, d_inode(ops.mnt->mnt_root)->i_mapping);
	close_file(file);
}

/* mmap() hands the mapping over to another file of the scope. */
static int handing_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma_set_file(vma, ops.other);
	return every_mmap(file, vma);
}

static const struct file_operations handing_fops = {
	.owner	= THIS_MODULE,
	.mmap	= handing_mmap,
};

static void ops_mmap_handed_over(struct kunit *test)
{
	unsigned long addr;
	struct file *file;
	char c = 0;

	bind(test, &handing_fops);
	file = open_node(test);
	ops.other = open_node(test);
	addr = map(test, file, MAP_SHARED);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, get_user(c, (char __user *)addr), 0);
	KUNIT_EXPECT_EQ(test, c, 'x');
	unbind();
	ops.seen = "none";
	KUNIT_EXPECT_EQ(test, get_user(c, (char __user *)addr), -EFAULT);
	KUNIT_EXPECT_STREQ(test, ops.seen, "none");
	KUNIT_EXPECT_EQ(test, vm_munmap(addr, PAGE_SIZE), 0);
	close_file(ops.other);
	close_file(file);
}

/* A page that the mapping keeps is left alone, and so is who reads it. */
static void ops_mmap_stays(struct kunit *test)
{
	unsigned long addr;
	struct file *file;
	char c = 0;

	ops.mappings_stay = true;
	bind(test, &mapped_fops);
	file = open_node(test);
	addr = map(test, file, MAP_SHARED);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, get_user(c, (char __user *)addr), 0);
	unbind();
	c = 0;
	KUNIT_EXPECT_EQ(test, get_user(c, (char __user *)addr), 0);
	KUNIT_EXPECT_EQ(test, c, 'x');
	KUNIT_EXPECT_EQ(test, map(test, file, MAP_SHARED), (unsigned long)-ENODEV);
	KUNIT_EXPECT_EQ(test, vm_munmap(addr, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&ops.mappings), 0);
	close_file(file);
}

static int bare_mmap(struct file *file, struct vm_area_struct *vma)
{
	seen("mmap");
	return 0;
}

static const struct file_operations bare_fops = {
	.owner	= THIS_MODULE,
	.mmap	= bare_mmap,
};

/*
 * Nothing is left that a method of a mapping could use when its file was
 * released at unbind.
 */
static void ops_mmap_stays_too_long(struct kunit *test)
{
	unsigned long addr = 0;
	struct file *file;

	ops.early = true;
	bind(test, &mapped_fops);
	file = open_node(test);
	EXPECT_WARNING(test, "would stay when its file is released",
		       addr = map(test, file, MAP_SHARED));
	KUNIT_EXPECT_EQ(test, addr, (unsigned long)-EINVAL);
	/* As many ends of mappings as beginnings, and before the unbind goes on */
	KUNIT_EXPECT_EQ(test, atomic_read(&ops.mappings), 0);
	KUNIT_EXPECT_TRUE(test, ops.ended_inside);
	close_file(file);
}

/* A mapping without methods does no harm. */
static void ops_mmap_stays_bare(struct kunit *test)
{
	unsigned long addr;
	struct file *file;

	ops.early = true;
	bind(test, &bare_fops);
	file = open_node(test);
	addr = map(test, file, MAP_SHARED);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	unbind();
	KUNIT_EXPECT_EQ(test, vm_munmap(addr, PAGE_SIZE), 0);
	close_file(file);
}

/* What a thread needs that ends the scope, perhaps by a call of @by. */
struct ends {
	struct completion	begun, done;
	struct mm_struct	*mm;
	struct file		*by;
};

static struct ends *ends_new(struct kunit *test)
{
	struct ends *e = kunit_kzalloc(test, sizeof(*e), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, e);
	init_completion(&e->begun);
	init_completion(&e->done);
	return e;
}

/*
 * A method mmap() of @file has returned, and the process still holds the mmap_lock.
 * @ender, which ends the scope, waits for that.
 */
static void expect_mapper_waited_for(struct kunit *test, struct file *file,
				     int (*ender)(void *ends), struct ends *e)
{
	struct vm_area_struct *vma = kunit_kzalloc(test, sizeof(*vma), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vma);
	vma->vm_mm = current->mm;
	vma->vm_file = file;
	mmap_write_lock(current->mm);
	KUNIT_EXPECT_EQ(test, file->f_op->mmap(file, vma), 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(ender, e, NAME));
	wait_for_completion(&e->begun);
	msleep(300);
	KUNIT_EXPECT_FALSE(test, completion_done(&e->done));
	mmap_write_unlock(current->mm);
	wait_for_completion(&e->done);
	vma->vm_ops->close(vma);
}

static int unbinder(void *ends)
{
	struct ends *e = ends;

	complete(&e->begun);
	unbind();
	complete(&e->done);
	return 0;
}

/*
 * The method has returned, and the process still holds the mmap_lock: a mapping
 * may be there that a zap does not find. The unbind waits for that.
 */
static void ops_mmap_is_waited_for(struct kunit *test)
{
	struct ends *e = ends_new(test);
	unsigned long addr[2];
	struct file *file;
	int i;

	bind(test, &mapped_fops);
	file = open_node(test);
	/* A kernel thread stays on the list, once, as it never returns to user mode. */
	for (i = 0; i < 2; i++) {
		addr[i] = map(test, file, MAP_SHARED);
		KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr[i]));
	}
	KUNIT_EXPECT_TRUE(test, list_is_singular(&ops.every->scope.mappers));

	expect_mapper_waited_for(test, file, unbinder, e);
	KUNIT_EXPECT_TRUE(test, list_empty(&ops.every->scope.mappers));
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, vm_munmap(addr[i], PAGE_SIZE), 0);
	close_file(file);
}

/* A call of another scope ends the scope. */
struct other {
	struct cdevm_scope	scope;
	struct miscdevice	misc;
};

static long ending_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	cdevm_withdraw(&ops.every->scope);
	return 0;
}

static const struct file_operations ending_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= ending_ioctl,
};

static int ender(void *ends)
{
	struct ends *e = ends;

	kthread_use_mm(e->mm);
	complete(&e->begun);
	/* Its scope, the device of the other being locked as by its remover. */
	device_lock(&ops.pdev->dev);
	e->by->f_op->unlocked_ioctl(e->by, 0, 0);
	device_unlock(&ops.pdev->dev);
	kthread_unuse_mm(e->mm);
	complete(&e->done);
	return 0;
}

/*
 * The same when the scope is ended by a call of another scope, in a thread of the
 * process: it does not hold the mmap_lock.
 */
static void ops_mmap_is_waited_for_in_call(struct kunit *test)
{
	struct ends *e = ends_new(test);
	struct other *other;
	unsigned long addr;
	struct file *file;

	other = cdevm_alloc(NAME, struct other, scope);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	other->misc.name = NAME "-other";
	other->misc.minor = MISC_DYNAMIC_MINOR;
	other->misc.fops = &ending_fops;
	KUNIT_ASSERT_EQ(test, cdevm_register_misc(&other->scope, &other->misc), 0);
	bind(test, &mapped_fops);
	file = open_node(test);
	e->by = node_file(ops.mnt, MKDEV(MISC_MAJOR, other->misc.minor));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e->by);
	/* Of this process, which gets its mm with it */
	addr = map(test, file, MAP_SHARED);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	e->mm = current->mm;

	expect_mapper_waited_for(test, file, ender, e);
	KUNIT_EXPECT_EQ(test, vm_munmap(addr, PAGE_SIZE), 0);
	unbind();
	close_file(file);
	close_file(e->by);
	cdevm_withdraw(&other->scope);
	cdevm_put(&other->scope);
}

/* A driver that sleeps as drivers do, and is not woken when the device goes. */
static ssize_t sleepy_read(struct file *file, char __user *buf, size_t len,
			   loff_t *pos)
{
	complete(&ops.inside);
	return wait_event_interruptible(ops.every->wait, ops.ready) ?: SEEN;
}

static const struct file_operations sleepy_fops = {
	.owner	= THIS_MODULE,
	.read	= sleepy_read,
};

static int reader(void *file)
{
	return ((struct file *)file)->f_op->read(file, NULL, 0, NULL);
}

/*
 * A task of user space is interrupted, which the end-to-end tests check. A
 * kernel thread would keep the signal pending for ever, so it is waited for.
 */
static void ops_kernel_thread_is_left_alone(struct kunit *test)
{
	struct ends *e = ends_new(test);
	struct task_struct *task;
	struct file *file;

	bind(test, &sleepy_fops);
	file = open_node(test);
	task = kthread_create(reader, file, NAME);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	get_task_struct(task);
	wake_up_process(task);
	wait_for_completion(&ops.inside);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(unbinder, e, NAME));

	/* Long enough for a task to be looked for, and found. */
	msleep(500);
	KUNIT_EXPECT_FALSE(test, signal_pending(task));
	KUNIT_EXPECT_FALSE(test, completion_done(&e->done));
	ops.ready = true;
	wake_up(&ops.every->wait);
	wait_for_completion(&e->done);
	KUNIT_EXPECT_EQ(test, kthread_stop(task), SEEN);
	put_task_struct(task);
	close_file(file);
}

/* A driver that unbinds itself, the right way. */
static long leaving_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return cdevm_unbind_self(&ops.every->scope) ?: SEEN;
}

static const struct file_operations leaving_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= leaving_ioctl,
};

static bool is_unbound(void)
{
	return !READ_ONCE(ops.pdev->dev.driver);
}

static void ops_unbinds_itself(struct kunit *test)
{
	struct file *file;
	int i;

	bind(test, &leaving_fops);
	file = open_node(test);
	KUNIT_EXPECT_EQ(test, file->f_op->unlocked_ioctl(file, 0, 0), SEEN);
	for (i = 0; i < 1500 && !is_unbound(); i++)
		msleep(20);
	KUNIT_EXPECT_TRUE(test, is_unbound());
	KUNIT_EXPECT_EQ(test, file->f_op->unlocked_ioctl(file, 0, 0), -ENODEV);
	close_file(file);
}

static struct kunit_case ops_cases[] = {
	KUNIT_CASE_PARAM(ops_method, method_gen_params),
	KUNIT_CASE(ops_fasync),
	KUNIT_CASE(ops_fasync_both_ways),
	KUNIT_CASE(ops_fasync_ended_by_driver),
	KUNIT_CASE(ops_poll_has_one_queue),
	KUNIT_CASE(ops_poll_leaves_the_queue),
	KUNIT_CASE(ops_poll_sleeper_is_woken),
	KUNIT_CASE(ops_poll_queue_is_freed),
	KUNIT_CASE(ops_poll_leaves_when_alone),
	KUNIT_CASE(ops_poll_exclusive),
	KUNIT_CASE(ops_poll_without_memory),
	KUNIT_CASE_PARAM(ops_mmap, map_flags_gen_params),
	KUNIT_CASE_PARAM(ops_vm_method, vm_method_gen_params),
	KUNIT_CASE_PARAM(ops_mapping_replaced, replace_gen_params),
	KUNIT_CASE(ops_mapping_of_no_mapping),
	KUNIT_CASE(ops_mmap_handed_over),
	KUNIT_CASE(ops_mmap_stays),
	KUNIT_CASE(ops_mmap_stays_too_long),
	KUNIT_CASE(ops_mmap_stays_bare),
	KUNIT_CASE(ops_mmap_is_waited_for),
	KUNIT_CASE(ops_mmap_is_waited_for_in_call),
	KUNIT_CASE(ops_kernel_thread_is_left_alone),
	KUNIT_CASE(ops_unbinds_itself),
	{}
};

static struct kunit_suite ops_suite = {
	.name		= "cdevm-ops",
	.init		= ops_init,
	.exit		= ops_exit,
	.test_cases	= ops_cases,
};

kunit_test_suite(ops_suite);

MODULE_DESCRIPTION("KUnit tests of cdevm's file operations");
MODULE_LICENSE("GPL");
