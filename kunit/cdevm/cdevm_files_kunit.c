// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of cdevm: files with work to do at unbind, cdevm/files.c
 *
 * A driver with a cdev and a misc device is bound and unbound, with files open.
 * Its release accesses the hardware, which is devm memory, so KASAN detects one
 * that comes too late. Each event of a file leaves a note with the file's
 * number.
 */
#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/cdev.h>
#include <linux/cdevm.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/platform_device.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "cdevm_kunit.h"
#include "../resmgr_kunit.h"

#define NAME	"cdevm-files"
#define PATIENCE	(30 * HZ)

/* A driver's private struct. */
struct tool {
	struct cdevm_scope	scope;
	struct cdev		cdev;
	struct miscdevice	misc;
	int			*reg;
};

/* What it has for each open file; goes with the release. */
struct handle {
	struct tool		*tool;
	unsigned int		number;
	wait_queue_head_t	wait;
	struct fasync_struct	*fasync;
	/* Its poll() names this file, if any. */
	struct file		*polls;
};

static struct {
	struct kunit		*test;
	struct platform_device	*pdev;
	dev_t			devt;
	struct vfsmount		*mnt;
	struct tool		*tool;
	const struct file_operations *fops;
	const struct cdevm_ops	*ops;
	unsigned int		opened;
	int			open_ret;
	bool			open_adds;
	/* Where release waits, and who is told that it does; the same of an unlock. */
	bool			release_waits, unlock_waits;
	struct completion	releasing, release, unlocking, unlock;
	struct file		*kick_closes;
	struct completion	freed;
} shop;

/* --- the driver */

static int tool_open(struct inode *inode, struct file *file)
{
	struct handle *h = kzalloc_obj(*h, GFP_KERNEL);

	if (!h)
		return -ENOMEM;
	h->tool = shop.tool;
	h->number = ++shop.opened;
	init_waitqueue_head(&h->wait);
	file->private_data = h;
	if (shop.open_adds)
		KUNIT_EXPECT_EQ(shop.test,
				cdevm_file_add_action(file, note_action, "open's action"), 0);
	if (shop.open_ret)
		kfree(h);
	return shop.open_ret;
}

static int tool_release(struct inode *inode, struct file *file)
{
	struct handle *h = file->private_data;

	if (shop.release_waits) {
		complete(&shop.releasing);
		wait_for_completion(&shop.release);
	}
	/* No memory barrier: nobody can be on it any more. */
	note("release %u%s", h->number, waitqueue_active(&h->wait) ? " (polled)" : "");
	if (h->tool->scope.ops->release_at_unbind)
		++*h->tool->reg;
	kfree(h);
	return 0;
}

static ssize_t tool_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	struct handle *h = file->private_data;

	return h->number;
}

static ssize_t tool_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return 0;
}

static __poll_t tool_poll(struct file *file, poll_table *table)
{
	struct handle *h = file->private_data;

	poll_wait(h->polls ?: file, &h->wait, table);
	return 0;
}

static int tool_fasync(int fd, struct file *file, int on)
{
	struct handle *h = file->private_data;

	note("fasync %u %s", h->number, on ? "on" : "off");
	return fasync_helper(fd, file, on, &h->fasync);
}

static int tool_flock(struct file *file, int cmd, struct file_lock *fl)
{
	struct handle *h = file->private_data;

	if (shop.unlock_waits) {
		complete(&shop.unlocking);
		wait_for_completion(&shop.unlock);
	}
	note("%s %u", lock_is_unlock(fl) ? "unlock" : "lock", h->number);
	return 0;
}

/* Ends the scope from inside of a call. */
static long tool_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct handle *h = file->private_data;

	cdevm_withdraw(&h->tool->scope);
	note("ioctl %u", h->number);
	return h->number;
}

static const struct file_operations tool_fops = {
	.owner		= THIS_MODULE,
	.open		= tool_open,
	.release	= tool_release,
	.read		= tool_read,
	.poll		= tool_poll,
	.fasync		= tool_fasync,
	.unlocked_ioctl	= tool_ioctl,
};

static const struct file_operations tool_lock_fops = {
	.owner		= THIS_MODULE,
	.open		= tool_open,
	.release	= tool_release,
	.flock		= tool_flock,
};

static int tool_replacing_open(struct inode *inode, struct file *file)
{
	int ret = tool_open(inode, file);

	if (!ret)
		replace_fops(file, fops_get(&tool_fops));
	return ret;
}

/* Calls would bypass the gate. */
static const struct file_operations tool_replacing_fops = {
	.owner		= THIS_MODULE,
	.open		= tool_replacing_open,
	.release	= tool_release,
};

static int tool_moving_open(struct inode *inode, struct file *file)
{
	file->f_mapping = d_inode(shop.mnt->mnt_root)->i_mapping;
	return tool_open(inode, file);
}

static int tool_mmap(struct file *file, struct vm_area_struct *vma)
{
	return -ENXIO;
}

/* Mappings would not be found at unbind. */
static const struct file_operations tool_moving_fops = {
	.owner		= THIS_MODULE,
	.open		= tool_moving_open,
	.release	= tool_release,
	.mmap		= tool_mmap,
};

/* A request may go on after its method has returned. */
static const struct file_operations tool_async_fops = {
	.owner		= THIS_MODULE,
	.open		= tool_open,
	.release	= tool_release,
	.read_iter	= tool_read_iter,
};

static void tool_kick(struct cdevm_scope *scope)
{
	if (!shop.kick_closes)
		return;
	__fput_sync(shop.kick_closes);
	shop.kick_closes = NULL;
}

static void tool_released(struct cdevm_scope *scope)
{
	note("freed");
	complete(&shop.freed);
}

static const struct cdevm_ops tool_ops = {
	.kick			= tool_kick,
	.released		= tool_released,
	.release_at_unbind	= true,
};

static const struct cdevm_ops tool_plain_ops = {
	.kick			= tool_kick,
	.released		= tool_released,
};

static void tool_hardware_goes(void *unused)
{
	note("hardware goes");
}

static int tool_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct tool *t = devm_cdevm_alloc(dev, struct tool, scope);
	int ret;

	if (IS_ERR(t))
		return PTR_ERR(t);
	shop.tool = t;
	cdevm_set_ops(&t->scope, shop.ops);
	t->reg = devm_kzalloc(dev, sizeof(*t->reg), GFP_KERNEL);
	if (!t->reg)
		return -ENOMEM;
	ret = devm_add_action(dev, tool_hardware_goes, NULL);
	if (ret)
		return ret;
	cdev_init(&t->cdev, shop.fops);
	t->cdev.owner = THIS_MODULE;
	t->misc.name = NAME "-misc";
	t->misc.minor = MISC_DYNAMIC_MINOR;
	t->misc.fops = shop.fops;
	return cdevm_add_cdev(&t->scope, &t->cdev, shop.devt, 1) ?:
	       cdevm_register_misc(&t->scope, &t->misc);
}

static void tool_remove(struct platform_device *pdev)
{
	note("remove");
}

static struct platform_driver tool_driver = {
	.probe	= tool_probe,
	.remove	= tool_remove,
	.driver	= {
		.name	= NAME,
	},
};

static void bind(struct kunit *test, const struct cdevm_ops *ops,
		 const struct file_operations *fops)
{
	shop.ops = ops;
	shop.fops = fops;
	reinit_completion(&shop.freed);
	KUNIT_ASSERT_EQ(test, device_driver_attach(&tool_driver.driver, &shop.pdev->dev), 0);
}

static void unbind(void)
{
	device_release_driver(&shop.pdev->dev);
}

static struct file *open_cdev(struct kunit *test)
{
	return node_must_open(test, shop.mnt, shop.devt);
}

static struct file *open_misc(struct kunit *test)
{
	return node_must_open(test, shop.mnt,
			      MKDEV(MISC_MAJOR, shop.tool->misc.minor));
}

static long read_file(struct file *file)
{
	loff_t pos = 0;

	return file->f_op->read(file, NULL, 0, &pos);
}

static bool wait_freed(void)
{
	return wait_for_completion_timeout(&shop.freed, PATIENCE);
}

static int shop_init(struct kunit *test)
{
	int ret;

	memset(&shop, 0, sizeof(shop));
	shop.test = test;
	notes_clear();
	init_completion(&shop.releasing);
	init_completion(&shop.release);
	init_completion(&shop.unlocking);
	init_completion(&shop.unlock);
	init_completion(&shop.freed);
	ret = nodes_begin(&shop.mnt, &shop.devt, 1, NAME);
	if (ret)
		return ret;
	ret = platform_driver_register(&tool_driver);
	if (ret)
		goto err_nodes;
	/* Not by its name: each test binds it by hand. */
	shop.pdev = platform_device_register_simple(NAME "-device", PLATFORM_DEVID_AUTO,
						    NULL, 0);
	ret = PTR_ERR_OR_ZERO(shop.pdev);
	if (!ret)
		return 0;
	platform_driver_unregister(&tool_driver);
err_nodes:
	nodes_end(shop.mnt, shop.devt, 1);
	shop.pdev = NULL;
	return ret;
}

static void shop_exit(struct kunit *test)
{
	if (!shop.pdev)
		return;
	platform_device_unregister(shop.pdev);
	platform_driver_unregister(&tool_driver);
	nodes_end(shop.mnt, shop.devt, 1);
}

/* --- release at unbind */

static void files_newest_first(struct kunit *test)
{
	struct file *files[3];
	int i;

	bind(test, &tool_ops, &tool_fops);
	files[0] = open_cdev(test);
	files[1] = open_misc(test);
	files[2] = open_cdev(test);
	KUNIT_EXPECT_EQ(test, read_file(files[1]), 2);
	unbind();
	/* Everything of the driver is freed, although all of its files are open. */
	KUNIT_EXPECT_TRUE(test, wait_freed());
	EXPECT_NOTES(test, "release 3", "release 2", "release 1", "remove",
		     "hardware goes", "freed");
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, read_file(files[i]), -ENODEV);
		KUNIT_EXPECT_EQ(test, (__force unsigned int)vfs_poll(files[i], NULL),
				(__force unsigned int)(EPOLLHUP | EPOLLERR));
		close_file(files[i]);
	}
	EXPECT_NO_NOTES(test);
}

static void files_closed_before(struct kunit *test)
{
	struct file *one, *two;

	bind(test, &tool_ops, &tool_fops);
	one = open_cdev(test);
	two = open_misc(test);
	close_file(one);
	EXPECT_NOTES(test, "release 1");
	close_file(two);
	EXPECT_NOTES(test, "release 2");
	unbind();
	KUNIT_EXPECT_TRUE(test, wait_freed());
	EXPECT_NOTES(test, "remove", "hardware goes", "freed");
}

/* A file that may have requests in flight keeps everything until it is closed. */
static void files_async(struct kunit *test)
{
	struct file *file;

	bind(test, &tool_ops, &tool_async_fops);
	file = open_cdev(test);
	unbind();
	EXPECT_NOTES(test, "release 1", "remove", "hardware goes");
	close_file(file);
	KUNIT_EXPECT_TRUE(test, wait_freed());
	EXPECT_NOTES(test, "freed");
}

/* Closed after the revoke, and before the unbind comes to it. */
static void files_closed_in_kick(struct kunit *test)
{
	struct file *one, *two;

	bind(test, &tool_ops, &tool_fops);
	one = open_cdev(test);
	two = open_cdev(test);
	shop.kick_closes = one;
	unbind();
	KUNIT_EXPECT_TRUE(test, wait_freed());
	EXPECT_NOTES(test, "release 1", "release 2", "remove", "hardware goes", "freed");
	close_file(two);
	EXPECT_NO_NOTES(test);
}

struct worker {
	struct task_struct	*task;
	struct file		*file;
	struct completion	done;
};

static int worker_closes(void *data)
{
	struct worker *w = data;

	close_file(w->file);
	note("closed");
	complete(&w->done);
	return 0;
}

static int worker_unbinds(void *data)
{
	struct worker *w = data;

	unbind();
	note("unbound");
	complete(&w->done);
	return 0;
}

static void work(struct kunit *test, struct worker *w, int (*fn)(void *data))
{
	init_completion(&w->done);
	w->task = kthread_run(fn, w, "files-worker");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, w->task);
}

static bool is_asleep(struct worker *w)
{
	int i;

	/* It sleeps for good, or not at all. */
	for (i = 0; i < 3000 && READ_ONCE(w->task->__state) != TASK_UNINTERRUPTIBLE; i++)
		msleep(20);
	msleep(50);
	return !completion_done(&w->done);
}

/* The unbind is in the release of a file when that is closed. */
static void files_closed_in_release(struct kunit *test)
{
	struct worker unbinds = {}, closes = {};

	bind(test, &tool_ops, &tool_fops);
	closes.file = open_cdev(test);
	shop.release_waits = true;
	work(test, &unbinds, worker_unbinds);
	wait_for_completion(&shop.releasing);
	work(test, &closes, worker_closes);
	KUNIT_EXPECT_TRUE(test, is_asleep(&closes));
	EXPECT_NO_NOTES(test);
	complete(&shop.release);
	wait_for_completion(&closes.done);
	wait_for_completion(&unbinds.done);
	KUNIT_EXPECT_TRUE(test, wait_freed());
	KUNIT_EXPECT_STREQ(test, note_text(0), "release 1");
	KUNIT_EXPECT_EQ(test, notes.count, 6);
	notes_clear();
}

/* The release of a file that is closed has begun after the revoke: it is waited for. */
static void files_release_late(struct kunit *test)
{
	struct worker unbinds = {}, closes = {};
	struct file *other;

	bind(test, &tool_ops, &tool_fops);
	closes.file = open_cdev(test);
	other = open_cdev(test);
	/* The unbind is in the release of the newer one, so the revoke is over. */
	shop.release_waits = true;
	work(test, &unbinds, worker_unbinds);
	wait_for_completion(&shop.releasing);
	work(test, &closes, worker_closes);
	wait_for_completion(&shop.releasing);
	complete(&shop.release);
	KUNIT_EXPECT_TRUE(test, is_asleep(&unbinds));
	complete(&shop.release);
	wait_for_completion(&closes.done);
	wait_for_completion(&unbinds.done);
	close_file(other);
	KUNIT_EXPECT_TRUE(test, wait_freed());
	/*
	 * Both are released, then ->remove() runs. The order of the two is not
	 * defined.
	 */
	KUNIT_EXPECT_EQ(test, strncmp(note_text(0), "release", 7), 0);
	KUNIT_EXPECT_EQ(test, strncmp(note_text(1), "release", 7) &&
			strncmp(note_text(2), "release", 7), 0);
	notes_clear();
}

/* A call that ends its own scope goes on to use its file. */
static void files_own_call(struct kunit *test)
{
	struct file *file;
	long ret = 0;

	bind(test, &tool_ops, &tool_fops);
	file = open_cdev(test);
	device_lock(&shop.pdev->dev);
	EXPECT_LINE_OF(test, "cdevm", "cdevm_unbind_self()",
		       ret = file->f_op->unlocked_ioctl(file, 0, 0));
	KUNIT_EXPECT_EQ(test, ret, 1);
	device_unlock(&shop.pdev->dev);
	EXPECT_NOTES(test, "ioctl 1");
	KUNIT_EXPECT_EQ(test, read_file(file), -ENODEV);
	close_file(file);
	EXPECT_NOTES(test, "release 1");
	unbind();
	KUNIT_EXPECT_TRUE(test, wait_freed());
	EXPECT_NOTES(test, "remove", "hardware goes", "freed");
}

static void files_open_fails(struct kunit *test)
{
	struct file *file;

	bind(test, &tool_ops, &tool_fops);
	shop.open_ret = -EBUSY;
	shop.open_adds = true;
	file = node_file(shop.mnt, shop.devt);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(file), -EBUSY);
	EXPECT_NOTES(test, "open's action");
	unbind();
	KUNIT_EXPECT_TRUE(test, wait_freed());
	EXPECT_NOTES(test, "remove", "hardware goes", "freed");
}

/* The inode still leads to the cdev, which a file holds. */
static void files_open_late(struct kunit *test)
{
	struct file *file;

	bind(test, &tool_ops, &tool_async_fops);
	file = open_cdev(test);
	unbind();
	EXPECT_NOTES(test, "release 1", "remove", "hardware goes");
	KUNIT_EXPECT_PTR_EQ(test, node_file(shop.mnt, shop.devt), ERR_PTR(-ENODEV));
	EXPECT_NO_NOTES(test);
	close_file(file);
	KUNIT_EXPECT_TRUE(test, wait_freed());
	EXPECT_NOTES(test, "freed");
}

struct refused {
	const char			*name;
	const struct file_operations	*fops;
	const char			*warning;
};

static const struct refused refused[] = {
	{ "f_op", &tool_replacing_fops, "replaced the file operations" },
	{ "f_mapping", &tool_moving_fops, "open() replaced f_mapping" },
};

KUNIT_ARRAY_PARAM_DESC(refused, refused, name);

/* What its open() has done is taken back. */
static void files_open_refused(struct kunit *test)
{
	const struct refused *r = test->param_value;
	struct file *file;

	bind(test, &tool_ops, r->fops);
	EXPECT_WARNING_ONCE(test, r->warning, file = node_file(shop.mnt, shop.devt));
	KUNIT_EXPECT_PTR_EQ(test, file, ERR_PTR(-EINVAL));
	EXPECT_NOTES(test, "release 1");
	unbind();
	KUNIT_EXPECT_TRUE(test, wait_freed());
	EXPECT_NOTES(test, "remove", "hardware goes", "freed");
}

/* --- pollers, and lists of the driver, when a file is released */

struct poller {
	poll_table		table;
	struct wait_queue_entry	entry;
	wait_queue_head_t	*queue;
	struct file		*file;
	unsigned int		woken;
	unsigned int		queues;
};

static int poller_wake(struct wait_queue_entry *entry, unsigned int mode, int sync,
		       void *key)
{
	struct poller *p = container_of(entry, struct poller, entry);

	if (!key || key_to_poll(key) & (EPOLLIN | EPOLLHUP))
		p->woken++;
	return 1;
}

static void poller_queue(struct file *file, wait_queue_head_t *queue, poll_table *table)
{
	struct poller *p = container_of(table, struct poller, table);

	if (p->queues++)
		return;
	p->queue = queue;
	p->file = file;
	add_wait_queue(queue, &p->entry);
}

/* As epoll: it stays on the queue until the file is closed. */
static void poller_begin(struct poller *p, struct file *file)
{
	memset(p, 0, sizeof(*p));
	init_waitqueue_func_entry(&p->entry, poller_wake);
	init_poll_funcptr(&p->table, poller_queue);
	vfs_poll(file, &p->table);
}

static void files_polled(struct kunit *test)
{
	struct poller one, two;
	struct handle *h;
	struct file *file;

	bind(test, &tool_ops, &tool_fops);
	file = open_cdev(test);
	h = file->private_data;
	poller_begin(&one, file);
	poller_begin(&two, file);
	KUNIT_EXPECT_EQ(test, one.queues, 1);
	KUNIT_EXPECT_EQ(test, two.queues, 1);

	wake_up_poll(&h->wait, EPOLLOUT);
	KUNIT_EXPECT_EQ(test, one.woken + two.woken, 0);
	wake_up_poll(&h->wait, EPOLLIN);
	KUNIT_EXPECT_EQ(test, one.woken, 1);
	KUNIT_EXPECT_EQ(test, two.woken, 1);

	/*
	 * No poller is left: the next wakeup takes the relay off, and a poll
	 * puts it back.
	 */
	remove_wait_queue(one.queue, &one.entry);
	remove_wait_queue(two.queue, &two.entry);
	wake_up_poll(&h->wait, EPOLLIN);
	/* Nothing is on the queue of the driver. */
	KUNIT_EXPECT_FALSE(test, waitqueue_active(&h->wait));
	poller_begin(&one, file);
	wake_up(&h->wait);
	KUNIT_EXPECT_EQ(test, one.woken, 1);

	/* The release frees the queue. The poller is woken, and stays where it is. */
	unbind();
	KUNIT_EXPECT_EQ(test, one.woken, 2);
	EXPECT_NOTES(test, "release 1", "remove", "hardware goes", "freed");
	remove_wait_queue(one.queue, &one.entry);
	poller_begin(&two, file);
	KUNIT_EXPECT_EQ(test, two.queues, 1);
	remove_wait_queue(two.queue, &two.entry);
	close_file(file);
}

/*
 * A poller that sleeps holds the file that it is told, for as long as it is on the
 * queue. The relay belongs to the polled file, whatever the driver says.
 */
static void files_polled_for_another(struct kunit *test)
{
	struct file *file, *other;
	struct handle *h;
	struct poller p;

	bind(test, &tool_ops, &tool_fops);
	file = open_cdev(test);
	other = open_cdev(test);
	h = file->private_data;
	h->polls = other;
	poller_begin(&p, file);
	KUNIT_EXPECT_PTR_EQ(test, p.file, file);
	remove_wait_queue(p.queue, &p.entry);
	close_file(other);
	close_file(file);
	unbind();
}

static void files_sigio(struct kunit *test)
{
	struct file *file;

	bind(test, &tool_ops, &tool_fops);
	file = open_cdev(test);
	KUNIT_EXPECT_EQ(test, file->f_op->fasync(0, file, 1), 1);
	EXPECT_NOTES(test, "fasync 1 on");
	unbind();
	EXPECT_NOTES(test, "fasync 1 off", "release 1", "remove", "hardware goes", "freed");
	KUNIT_EXPECT_EQ(test, file->f_op->fasync(0, file, 1), -ENODEV);
	KUNIT_EXPECT_EQ(test, file->f_op->fasync(0, file, 0), 0);
	close_file(file);
	EXPECT_NO_NOTES(test);
}

static void files_unlock(struct kunit *test)
{
	struct file *file;

	bind(test, &tool_ops, &tool_lock_fops);
	file = open_cdev(test);
	KUNIT_EXPECT_EQ(test, lock_file(file, F_UNLCK), 0);
	EXPECT_NOTES(test, "unlock 1");
	unbind();
	EXPECT_NOTES(test, "release 1", "remove", "hardware goes");
	KUNIT_EXPECT_EQ(test, lock_file(file, F_UNLCK), 0);
	EXPECT_NO_NOTES(test);
	KUNIT_EXPECT_EQ(test, lock_file(file, F_WRLCK), -ENODEV);
	close_file(file);
	KUNIT_EXPECT_TRUE(test, wait_freed());
	EXPECT_NOTES(test, "freed");
}

static int worker_unlocks(void *data)
{
	struct worker *w = data;

	lock_file(w->file, F_UNLCK);
	complete(&w->done);
	return 0;
}

/*
 * Until it has released a file, the driver undoes what it has done for it, also
 * when the unbind has begun. The release of this file waits for that.
 */
static void files_unlock_late(struct kunit *test)
{
	struct worker unbinds = {}, unlocks = {};
	struct file *other;

	bind(test, &tool_ops, &tool_lock_fops);
	unlocks.file = open_cdev(test);
	other = open_cdev(test);
	/* The unbind is in the release of the newer one, so the revoke is over. */
	shop.release_waits = true;
	work(test, &unbinds, worker_unbinds);
	wait_for_completion(&shop.releasing);
	KUNIT_EXPECT_EQ(test, lock_file(unlocks.file, F_WRLCK), -ENODEV);
	KUNIT_EXPECT_EQ(test, lock_file(other, F_UNLCK), 0);
	EXPECT_NO_NOTES(test);
	shop.unlock_waits = true;
	work(test, &unlocks, worker_unlocks);
	wait_for_completion(&shop.unlocking);
	shop.release_waits = false;
	complete(&shop.release);
	/* Ten seconds later this is reported. */
	expect_logged(test, "unbind waits for an unlock");
	EXPECT_NOTES(test, "release 2");
	complete(&shop.unlock);
	wait_for_completion(&unlocks.done);
	wait_for_completion(&unbinds.done);
	KUNIT_EXPECT_STREQ(test, note_text(0), "unlock 1");
	KUNIT_EXPECT_STREQ(test, note_text(1), "release 1");
	notes_clear();
	close_file(other);
	close_file(unlocks.file);
	KUNIT_EXPECT_TRUE(test, wait_freed());
	notes_clear();
}

static void action_waits(void *unused)
{
	complete(&shop.releasing);
	wait_for_completion(&shop.release);
	note("action");
}

/* The driver has not released the file, so an unlock reaches it: after the actions. */
static void files_unlock_after_action(struct kunit *test)
{
	struct worker unbinds = {}, unlocks = {};

	bind(test, &tool_plain_ops, &tool_lock_fops);
	unlocks.file = open_cdev(test);
	KUNIT_EXPECT_EQ(test, cdevm_file_add_action(unlocks.file, action_waits, NULL), 0);
	work(test, &unbinds, worker_unbinds);
	wait_for_completion(&shop.releasing);
	work(test, &unlocks, worker_unlocks);
	/* Any delay shows one that does not wait. */
	msleep(300);
	EXPECT_NO_NOTES(test);
	complete(&shop.release);
	wait_for_completion(&unlocks.done);
	wait_for_completion(&unbinds.done);
	KUNIT_EXPECT_STREQ(test, note_text(0), "action");
	notes_clear();
	KUNIT_EXPECT_EQ(test, lock_file(unlocks.file, F_UNLCK), 0);
	EXPECT_NOTES(test, "unlock 1");
	close_file(unlocks.file);
	KUNIT_EXPECT_TRUE(test, wait_freed());
	notes_clear();
}

/* And the actions of a file wait for an unlock that has begun. */
static void files_action_after_unlock(struct kunit *test)
{
	struct worker unbinds = {}, unlocks = {};
	struct file *other;

	bind(test, &tool_plain_ops, &tool_lock_fops);
	unlocks.file = open_cdev(test);
	other = open_cdev(test);
	KUNIT_EXPECT_EQ(test, cdevm_file_add_action(unlocks.file, note_action, "action"), 0);
	/* The unbind is in the action of the newer one, so the revoke is over. */
	KUNIT_EXPECT_EQ(test, cdevm_file_add_action(other, action_waits, NULL), 0);
	work(test, &unbinds, worker_unbinds);
	wait_for_completion(&shop.releasing);
	shop.unlock_waits = true;
	work(test, &unlocks, worker_unlocks);
	wait_for_completion(&shop.unlocking);
	complete(&shop.release);
	msleep(300);
	EXPECT_NOTES(test, "action");
	complete(&shop.unlock);
	wait_for_completion(&unlocks.done);
	wait_for_completion(&unbinds.done);
	KUNIT_EXPECT_STREQ(test, note_text(0), "unlock 1");
	KUNIT_EXPECT_STREQ(test, note_text(1), "action");
	notes_clear();
	close_file(other);
	close_file(unlocks.file);
	KUNIT_EXPECT_TRUE(test, wait_freed());
	notes_clear();
}

/* --- actions of a file, with either kind of node */

static void add_actions(struct kunit *test, struct file *file)
{
	KUNIT_EXPECT_EQ(test, cdevm_file_add_action(file, note_action, "action a"), 0);
	KUNIT_EXPECT_EQ(test, cdevm_file_add_action(file, note_action, "action b"), 0);
	KUNIT_EXPECT_EQ(test, cdevm_file_add_action(file, note_action, "action c"), 0);
	KUNIT_EXPECT_EQ(test, cdevm_file_remove_action(file, note_action, "action b"), 0);
}

static void files_actions_at_close(struct kunit *test)
{
	struct file *file, *other;

	bind(test, &tool_plain_ops, &tool_fops);
	file = open_cdev(test);
	other = open_cdev(test);
	add_actions(test, file);
	close_file(other);
	EXPECT_NOTES(test, "release 2");
	close_file(file);
	EXPECT_NOTES(test, "action c", "action a", "release 1");
	unbind();
	KUNIT_EXPECT_TRUE(test, wait_freed());
	EXPECT_NOTES(test, "remove", "hardware goes", "freed");
}

static void files_actions_at_unbind(struct kunit *test)
{
	struct file *file, *other;

	bind(test, &tool_plain_ops, &tool_fops);
	file = open_misc(test);
	other = open_misc(test);
	add_actions(test, file);
	KUNIT_EXPECT_EQ(test, cdevm_file_add_action(other, note_action, "other"), 0);
	unbind();
	EXPECT_NOTES(test, "other", "action c", "action a", "remove", "hardware goes");
	KUNIT_EXPECT_EQ(test, cdevm_file_add_action(file, note_action, "late"), -ENODEV);
	close_file(other);
	EXPECT_NOTES(test, "release 2");
	close_file(file);
	KUNIT_EXPECT_TRUE(test, wait_freed());
	EXPECT_NOTES(test, "release 1", "freed");
}

static void files_actions_and_release(struct kunit *test)
{
	struct file *file, *other;

	bind(test, &tool_ops, &tool_fops);
	shop.open_adds = true;
	file = open_misc(test);
	other = open_misc(test);
	close_file(other);
	EXPECT_NOTES(test, "open's action", "release 2");
	add_actions(test, file);
	unbind();
	EXPECT_NOTES(test, "action c", "action a", "open's action", "release 1", "remove",
		     "hardware goes", "freed");
	close_file(file);
	EXPECT_NO_NOTES(test);
}

/* A file of something else, and an action that was never added. */
static void files_actions_misused(struct kunit *test)
{
	struct handle *h;
	struct file *file;
	int ret = 0;

	bind(test, &tool_plain_ops, &tool_fops);
	file = open_cdev(test);
	EXPECT_WARNING(test, "an action of a file that has none",
		       ret = cdevm_file_remove_action(file, note_action, "never"));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	KUNIT_EXPECT_EQ(test, cdevm_file_add_action(file, note_action, "another"), 0);
	EXPECT_WARNING(test, dev_name(&shop.pdev->dev),
		       ret = cdevm_file_remove_action(file, note_action, "never"));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	close_file(file);
	file = anon_inode_getfile("[cdevm-files]", &tool_async_fops, NULL, O_RDWR);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	EXPECT_WARNING(test, "is none of a scope",
		       ret = cdevm_file_add_action(file, note_action, "wrong"));
	KUNIT_EXPECT_EQ(test, ret, -EINVAL);
	/* Its release is that of a file that was opened. */
	h = kzalloc_obj(*h, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, h);
	h->tool = shop.tool;
	init_waitqueue_head(&h->wait);
	file->private_data = h;
	close_file(file);
	unbind();
	notes_clear();
}

static struct kunit_case files_cases[] = {
	KUNIT_CASE(files_newest_first),
	KUNIT_CASE(files_closed_before),
	KUNIT_CASE(files_async),
	KUNIT_CASE(files_closed_in_kick),
	KUNIT_CASE(files_closed_in_release),
	KUNIT_CASE(files_release_late),
	KUNIT_CASE(files_own_call),
	KUNIT_CASE(files_open_fails),
	KUNIT_CASE(files_open_late),
	KUNIT_CASE_PARAM(files_open_refused, refused_gen_params),
	KUNIT_CASE(files_polled),
	KUNIT_CASE(files_polled_for_another),
	KUNIT_CASE(files_sigio),
	KUNIT_CASE(files_unlock),
	KUNIT_CASE_SLOW(files_unlock_late),
	KUNIT_CASE(files_unlock_after_action),
	KUNIT_CASE(files_action_after_unlock),
	KUNIT_CASE(files_actions_at_close),
	KUNIT_CASE(files_actions_at_unbind),
	KUNIT_CASE(files_actions_and_release),
	KUNIT_CASE(files_actions_misused),
	{}
};

static struct kunit_suite files_suite = {
	.name		= NAME,
	.init		= shop_init,
	.exit		= shop_exit,
	.test_cases	= files_cases,
};

kunit_test_suite(files_suite);

MODULE_DESCRIPTION("KUnit tests of cdevm: files that have something done at unbind");
MODULE_LICENSE("GPL");
