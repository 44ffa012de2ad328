// SPDX-License-Identifier: GPL-2.0
/*
 * A driver for stress tests: it keeps its own records of what cdevm does to it
 *
 * Several platform devices; each bind creates a scope (often two) with a random
 * mix of resources on all the managers, and publishes a cdev with a device, a
 * cdev with several minors, and a misc device. User space does its worst to
 * them. What must hold in every interleaving:
 *
 * - each resource is released exactly once, and those of one manager in the
 *   exact reverse of the order in which they were added;
 * - while a call is inside, there is no ->remove() and no release of anything;
 * - no cdevm resource is released before unbind, nor before the last close or,
 *   in about half of the binds, the release of the last file at unbind;
 * - such a release, and each action of a file, finds the hardware there;
 * - memory of the scope is intact for as long as anybody can look at it.
 *
 * No check relies on what it checks. The records are plain memory with a
 * reference count of their own, and the number of calls inside is counted here,
 * not taken from the gate. Violations are reported with a WARN, and counted in
 * "violations".
 *
 * The counters are in /sys/module/cdevm_stress/parameters/counters. The
 * matching program is e2e/stress.c in the repository of this series.
 */
#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/cdevm.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/kdev_t.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "cdevm_stress.h"

/* After these many reports the log has been told. */
#define STRESS_REPORTS	16
/* Entries of one manager in the books; more are not added. */
#define STRESS_ENTRIES	256
/* Resources that fops have added and not released, per scope. */
#define STRESS_LOOSE	64
#define STRESS_BUF	256
#define STRESS_RES_MAGIC	0x600dda7a
#define STRESS_FILE_MAGIC	0x600df11e
#define STRESS_DEAD		0xdeaddead

static unsigned int devices = 3;
module_param(devices, uint, 0444);
MODULE_PARM_DESC(devices, "number of devices");

static unsigned int seed = 1;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of what is random here");

/* --- counters */

enum stress_counter {
	N_VIOLATIONS, N_SCOPES, N_PROBES, N_FAILED_PROBES, N_REMOVES, N_REVOKES, N_BUSY_REVOKES,
	N_OPENS, N_FAILED_OPENS, N_RELEASES, N_LATE_RELEASES, N_READS, N_WRITES, N_IOCTLS, N_POLLS,
	N_MMAPS, N_HOLDS, N_ADDED, N_RELEASED, N_REMOVED, N_COUNTERS
};

static const char *const stress_counter_names[N_COUNTERS] = {
	"violations", "scopes", "probes", "failed_probes", "removes", "revokes", "busy_revokes",
	"opens", "failed_opens", "releases", "late_releases", "reads", "writes", "ioctls", "polls",
	"mmaps", "holds", "added", "released", "removed",
};

static atomic_t stress_counters[N_COUNTERS];

static void stress_count(enum stress_counter c)
{
	atomic_inc(&stress_counters[c]);
}

static int stress_counters_get(char *buf, const struct kernel_param *kp)
{
	int i, len = 0;

	for (i = 0; i < N_COUNTERS; i++)
		len += sysfs_emit_at(buf, len, "%s %d\n", stress_counter_names[i],
				     atomic_read(&stress_counters[i]));
	return len;
}

static const struct kernel_param_ops stress_counters_ops = {
	.get = stress_counters_get,
};
module_param_cb(counters, &stress_counters_ops, NULL, 0444);
MODULE_PARM_DESC(counters, "what happened so far");

/* A macro, so that a report has the file and line of the check. */
#define stress_check(cond, fmt, ...)						\
({										\
	bool __good = (cond);							\
										\
	if (unlikely(!__good)) {						\
		int __n = atomic_inc_return(&stress_counters[N_VIOLATIONS]);	\
										\
		WARN(__n <= STRESS_REPORTS, "cdevm_stress: " fmt "\n", ##__VA_ARGS__); \
	}									\
	__good;									\
})

/* A die with @n sides. No lock; as repeatable as the order of the throws is. */
static u32 stress_roll(u32 n)
{
	static atomic_t throws;

	return hash_32(seed * 0x9e3779b1u + atomic_inc_return(&throws), 32) % n;
}

/* Widens the window for a faster task, now and then. */
static void stress_dawdle(u32 one_in)
{
	if (!stress_roll(one_in))
		usleep_range(100, 3000);
}

/* --- the books */

enum stress_manager { ON_UNPUBLISH, ON_DEVM, ON_CDEVM, ON_PARENT, N_MANAGERS };

static const char *const stress_manager_names[N_MANAGERS] = {
	"unpublish", "devm", "cdevm", "parent",
};

/**
 * struct stress_book - what is known about one bind of a device
 * @ref: of the probe, of the devm resources, of the scope
 * @dev_name: name of the device
 * @lock: protects @depth and @entry
 * @depth: resources per manager
 * @entry: them, oldest first
 * @ids: the number of the last resource
 * @loose: resources that are in no order
 * @inside: calls inside the driver
 * @open_files: successful opens less releases that have ended
 * @file_actions: actions of files that were added less those that have ended
 * @older: devm resources older than the scope; released after the bind has let go of it
 * @removed: no call may be inside from here on
 * @held: the scope holds the parent, and so its resources
 */
struct stress_book {
	refcount_t	ref;
	const char	*dev_name;
	spinlock_t	lock;	/* depth, entry */
	u32		depth[N_MANAGERS];
	u32		entry[N_MANAGERS][STRESS_ENTRIES];
	atomic_t	ids;
	atomic_t	loose;
	atomic_t	inside;
	atomic_t	open_files;
	atomic_t	file_actions;
	u32		older;
	bool		removed;
	bool		held;
};

/**
 * struct stress_res - one resource
 * @magic: STRESS_RES_MAGIC until it is released
 * @id: its number
 * @on: manager that it is on
 * @early: it may be released while the device is bound, because it was asked for
 * @buf: managed memory that is older than this, full of @id, or %NULL
 * @len: bytes of @buf
 * @link: for those that file operations add
 * @book: where it is entered
 */
struct stress_res {
	u32			magic;
	u32			id;
	enum stress_manager	on;
	bool			early;
	u8			*buf;
	size_t			len;
	struct list_head	link;
	struct stress_book	*book;
};

static struct stress_book *stress_book_open(struct device *dev)
{
	struct stress_book *book = kzalloc(sizeof(*book), GFP_KERNEL);

	if (!book)
		return NULL;
	refcount_set(&book->ref, 1);
	spin_lock_init(&book->lock);
	/* The platform devices outlive whatever is bound to them. */
	book->dev_name = kstrdup(dev_name(dev), GFP_KERNEL);
	if (!book->dev_name) {
		kfree(book);
		return NULL;
	}
	return book;
}

static void stress_book_put(struct stress_book *book)
{
	int m;

	if (!refcount_dec_and_test(&book->ref))
		return;
	for (m = 0; m < N_MANAGERS; m++)
		stress_check(!book->depth[m], "%s: %u resources on %s were never released",
			     book->dev_name, book->depth[m], stress_manager_names[m]);
	stress_check(!atomic_read(&book->loose), "%s: %d loose resources were never released",
		     book->dev_name, atomic_read(&book->loose));
	stress_check(!atomic_read(&book->open_files), "%s: all is over with %d files open",
		     book->dev_name, atomic_read(&book->open_files));
	stress_check(!atomic_read(&book->file_actions), "%s: %d actions of files were not called",
		     book->dev_name, atomic_read(&book->file_actions));
	kfree(book->dev_name);
	kfree(book);
}

static u32 stress_depth(struct stress_book *book, enum stress_manager on)
{
	u32 depth;

	spin_lock(&book->lock);
	depth = book->depth[on];
	spin_unlock(&book->lock);
	return depth;
}

/* The resource is about to be added to the manager. */
static bool stress_enter_book(struct stress_res *res)
{
	struct stress_book *book = res->book;
	bool room;

	spin_lock(&book->lock);
	room = book->depth[res->on] < STRESS_ENTRIES;
	if (room)
		book->entry[res->on][book->depth[res->on]++] = res->id;
	spin_unlock(&book->lock);
	return room;
}

/* The resource is gone from the manager. @newest: it must have been the newest there. */
static void stress_leave_book(struct stress_res *res, bool newest)
{
	struct stress_book *book = res->book;
	u32 i, depth, *entry = book->entry[res->on], top = 0;

	spin_lock(&book->lock);
	depth = book->depth[res->on];
	if (depth)
		top = entry[depth - 1];
	for (i = depth; i > 0; i--)
		if (entry[i - 1] == res->id)
			break;
	if (i) {
		memmove(&entry[i - 1], &entry[i], (depth - i) * sizeof(*entry));
		book->depth[res->on]--;
	}
	spin_unlock(&book->lock);

	if (stress_check(i, "%s: resource %u on %s is released, and is not there", book->dev_name,
			 res->id, stress_manager_names[res->on]) && newest)
		stress_check(top == res->id, "%s: resource %u on %s is released before %u",
			     book->dev_name, res->id, stress_manager_names[res->on], top);
}

static struct stress_res *stress_res_alloc(struct stress_book *book, enum stress_manager on)
{
	struct stress_res *res = kzalloc(sizeof(*res), GFP_KERNEL);

	if (!res)
		return NULL;
	res->magic = STRESS_RES_MAGIC;
	res->book = book;
	res->on = on;
	res->id = atomic_inc_return(&book->ids);
	INIT_LIST_HEAD(&res->link);
	return res;
}

/* Memory that is older than the resource is still there when that is released. */
static void stress_res_guards(struct stress_res *res, void *buf, size_t len)
{
	memset(buf, (u8)res->id, len);
	res->buf = buf;
	res->len = len;
}

static void stress_res_free(struct stress_res *res)
{
	res->magic = STRESS_DEAD;
	kfree(res);
}

static bool stress_res_ok(struct stress_res *res)
{
	struct stress_book *book = res->book;

	stress_check(!res->buf || !memchr_inv(res->buf, (u8)res->id, res->len),
		     "%s: memory of resource %u was overwritten", book->dev_name, res->id);
	return stress_check(res->magic == STRESS_RES_MAGIC,
			    "%s: resource %u is released again (magic %x)", book->dev_name, res->id,
			    res->magic);
}

static void stress_none_inside(struct stress_book *book, const char *what)
{
	int inside = atomic_read(&book->inside);

	stress_check(!inside, "%s: %s with %d calls inside the driver", book->dev_name, what,
		     inside);
}

/* What is common to the release of a resource on any manager. */
static void stress_res_released(struct stress_res *res)
{
	if (!stress_res_ok(res))
		return;
	stress_leave_book(res, !res->early);
	stress_count(N_RELEASED);
	stress_res_free(res);
}

/* The actions; one per manager, so that each knows what must be true. */

static void stress_unpublish(void *data)
{
	struct stress_res *res = data;

	stress_none_inside(res->book, "unpublish action");
	stress_dawdle(4);
	stress_res_released(res);
}

static void stress_devm_release(void *data)
{
	struct stress_res *res = data;

	if (!res->early) {
		stress_check(!stress_depth(res->book, ON_UNPUBLISH),
			     "%s: devm release before the unpublish actions are done",
			     res->book->dev_name);
		stress_none_inside(res->book, "devm release");
		stress_dawdle(8);
		stress_none_inside(res->book, "devm release");
	}
	stress_res_released(res);
}

static void stress_cdevm_check(struct stress_book *book, u32 id)
{
	int files = atomic_read(&book->open_files);

	stress_none_inside(book, "cdevm release");
	stress_check(!files, "%s: cdevm release of %u with %d files open", book->dev_name, id,
		     files);
	stress_check(stress_depth(book, ON_DEVM) <= book->older,
		     "%s: cdevm release of %u before the devm resources", book->dev_name, id);
}

static void stress_cdevm_release(void *data)
{
	struct stress_res *res = data;

	if (!res->early) {
		stress_cdevm_check(res->book, res->id);
		stress_dawdle(16);
		stress_cdevm_check(res->book, res->id);
	}
	stress_res_released(res);
}

static void stress_loose_release(void *data)
{
	struct stress_res *res = data;

	if (!res->early)
		stress_cdevm_check(res->book, res->id);
	if (!stress_res_ok(res))
		return;
	atomic_dec(&res->book->loose);
	stress_count(N_RELEASED);
	stress_res_free(res);
}

/* Enter in the books and add, in this order; both or none. */
#define stress_add(res, add, owner, action)					\
({										\
	struct stress_res *__res = (res);					\
	int __ret = -ENOMEM;							\
										\
	if (__res && stress_enter_book(__res)) {				\
		stress_count(N_ADDED);						\
		__ret = add(owner, action, __res);				\
		if (__ret) {							\
			stress_leave_book(__res, true);				\
			stress_count(N_REMOVED);				\
		}								\
	}									\
	if (__ret && __res)							\
		stress_res_free(__res);						\
	__ret;									\
})

/* --- the driver */

/* The registers. Nobody may look once the driver is unbound. */
struct stress_hw {
	u32 magic;
	u32 accesses;
};

/* An owner without a device, which the scope needs. */
struct stress_parent {
	struct resmgr_object obj;
	struct stress_book *book;
	u32 scope_depth;	/* resources of the scope that are older than its hold on this */
};

struct stress {
	u32 magic;
	struct cdevm_scope scope;
	struct cdevm_scope *second;	/* or NULL */
	struct stress_book *book;
	struct stress_hw *hw;		/* devm */
	struct stress_parent *parent;
	bool early;			/* files are released at unbind */
	bool alone;			/* nodes can go alone */
	bool misc_there;
	struct mutex misc_lock;		/* misc_there, and taking it back */
	struct mutex lock;		/* hw, level, added, order of what fops add */
	unsigned int level;		/* bytes to be read */
	struct list_head added;		/* resources that fops have added, newest first */
	bool kicked;
	unsigned long kicked_at;	/* jiffies */
	wait_queue_head_t wait;		/* for data, until the revoke */
	wait_queue_head_t kill_wait;	/* the same, but it takes kick() to wake them */
	unsigned long page;
	u8 *buf;
	u32 __percpu *percpu;
	char *name, *misc_name;
	struct device dev;
	struct cdev cdev;		/* with dev */
	struct cdev minors;		/* without */
	struct miscdevice misc;
};

struct stress_file {
	u32 magic;
	struct stress *s;
};

static dev_t stress_devt;
static struct class *stress_class;
static struct platform_device *stress_pdevs[STRESS_DEVICES_MAX];
static struct workqueue_struct *stress_wq;

/* What every call may rely on, whether it is inside or not. */
static void stress_memory_ok(struct stress *s)
{
	u32 *page = (u32 *)s->page;

	stress_check(s->magic == STRESS_RES_MAGIC, "private struct is not intact: %x", s->magic);
	stress_check(!memchr_inv(s->buf, 0x5a, STRESS_BUF), "buffer is not intact");
	stress_check(READ_ONCE(*page) == STRESS_PAGE_MAGIC, "page is not intact: %x",
		     READ_ONCE(*page));
}

static void stress_hw_access(struct stress *s)
{
	mutex_lock(&s->lock);
	stress_check(s->hw->magic == STRESS_RES_MAGIC, "hardware is gone: %x", s->hw->magic);
	s->hw->accesses++;
	mutex_unlock(&s->lock);
}

static void stress_begin(struct stress *s, const char *what)
{
	atomic_inc(&s->book->inside);
	stress_check(!READ_ONCE(s->book->removed), "%s: %s begins after remove", s->book->dev_name,
		     what);
	stress_memory_ok(s);
	stress_hw_access(s);
}

static void stress_end(struct stress *s, const char *what)
{
	stress_hw_access(s);
	stress_memory_ok(s);
	stress_check(!READ_ONCE(s->book->removed), "%s: %s ends after remove", s->book->dev_name,
		     what);
	atomic_dec(&s->book->inside);
}

static struct stress *stress_of(struct file *file)
{
	struct stress_file *f = file->private_data;

	stress_check(f->magic == STRESS_FILE_MAGIC, "file is not intact: %x", f->magic);
	return f->s;
}

static int stress_open(struct stress *s, struct file *file)
{
	struct stress_file *f;
	int ret = -EIO;

	stress_begin(s, "open");
	stress_dawdle(32);
	f = kzalloc_obj(*f, GFP_KERNEL);
	if (!f)
		ret = -ENOMEM;
	else if (stress_roll(32))
		ret = stream_open(file_inode(file), file);

	if (ret) {
		kfree(f);
		stress_count(N_FAILED_OPENS);
	} else {
		f->magic = STRESS_FILE_MAGIC;
		f->s = s;
		file->private_data = f;
		atomic_inc(&s->book->open_files);
		stress_count(N_OPENS);
	}
	stress_end(s, "open");
	return ret;
}

static int stress_open_cdev(struct inode *inode, struct file *file)
{
	return stress_open(container_of(inode->i_cdev, struct stress, cdev), file);
}

static int stress_open_minors(struct inode *inode, struct file *file)
{
	return stress_open(container_of(inode->i_cdev, struct stress, minors), file);
}

static int stress_open_misc(struct inode *inode, struct file *file)
{
	return stress_open(container_of(file->private_data, struct stress, misc), file);
}

static int stress_release(struct inode *inode, struct file *file)
{
	struct stress_file *f = file->private_data;
	struct stress *s = stress_of(file);
	struct stress_book *book = s->book;
	bool entered = cdevm_enter(&s->scope);

	if (entered || s->early) {
		stress_begin(s, "release");
		stress_dawdle(32);
		stress_end(s, "release");
	}
	if (entered) {
		cdevm_exit(&s->scope);
	} else {
		stress_dawdle(8);
		stress_count(N_LATE_RELEASES);
	}
	stress_memory_ok(s);
	f->magic = STRESS_DEAD;
	kfree(f);
	stress_count(N_RELEASES);
	atomic_dec(&book->open_files);
	return 0;
}

static bool stress_has_data(struct stress *s)
{
	return READ_ONCE(s->level);
}

/* It is the revoke that has to wake a sleeper, not the signal that may come long after. */
static void stress_slept(struct stress *s)
{
	/* Pairs with the release in stress_kick(). */
	bool kicked = smp_load_acquire(&s->kicked);

	stress_check(!kicked || !signal_pending(current) ||
		     time_before(jiffies, READ_ONCE(s->kicked_at) + 2 * HZ),
		     "%s: a sleeper was not woken at revoke", s->book->dev_name);
}

/* How many of @count bytes there are; waits for the first one if @file wants that. */
static ssize_t stress_take(struct stress *s, struct file *file, size_t count)
{
	int ret;

	for (;;) {
		mutex_lock(&s->lock);
		count = min_t(size_t, count, s->level);
		if (count)
			WRITE_ONCE(s->level, s->level - count);
		mutex_unlock(&s->lock);
		if (count)
			return count;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		ret = cdevm_wait_event_interruptible(&s->scope, s->wait, stress_has_data(s));
		stress_slept(s);
		if (ret)
			return ret;
		count = 1;
	}
}

static void stress_give(struct stress *s, size_t count)
{
	mutex_lock(&s->lock);
	WRITE_ONCE(s->level, min_t(size_t, s->level + count, STRESS_BUF));
	mutex_unlock(&s->lock);
	wake_up_interruptible(&s->wait);
	wake_up_all(&s->kill_wait);
}

static ssize_t stress_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct stress *s = stress_of(file);
	ssize_t ret;

	stress_begin(s, "read");
	ret = stress_take(s, file, count);
	if (ret > 0 && copy_to_user(buf, s->buf, ret))
		ret = -EFAULT;
	stress_end(s, "read");
	stress_count(N_READS);
	return ret;
}

static ssize_t stress_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct stress *s = stress_of(iocb->ki_filp);
	ssize_t ret;

	stress_begin(s, "read_iter");
	ret = stress_take(s, iocb->ki_filp, iov_iter_count(to));
	if (ret > 0 && copy_to_iter(s->buf, ret, to) != ret)
		ret = -EFAULT;
	stress_end(s, "read_iter");
	stress_count(N_READS);
	return ret;
}

static ssize_t stress_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct stress *s = stress_of(file);

	stress_begin(s, "write");
	count = min_t(size_t, count, STRESS_BUF);
	stress_give(s, count);
	stress_end(s, "write");
	stress_count(N_WRITES);
	return count;
}

static ssize_t stress_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct stress *s = stress_of(iocb->ki_filp);
	size_t count;

	stress_begin(s, "write_iter");
	count = min_t(size_t, iov_iter_count(from), STRESS_BUF);
	stress_give(s, count);
	stress_end(s, "write_iter");
	stress_count(N_WRITES);
	return count;
}

static __poll_t stress_poll(struct file *file, poll_table *pt)
{
	struct stress *s = stress_of(file);
	__poll_t mask = EPOLLOUT | EPOLLWRNORM;

	stress_begin(s, "poll");
	poll_wait(file, &s->wait, pt);
	if (stress_has_data(s))
		mask |= EPOLLIN | EPOLLRDNORM;
	stress_end(s, "poll");
	stress_count(N_POLLS);
	return mask;
}

/*
 * Not behind the gate: the page is memory of the scope, and keeps for as long
 * as somebody has it mapped by its own count.
 */
static int stress_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct stress *s = stress_of(file);

	stress_memory_ok(s);
	stress_count(N_MMAPS);
	if (vma->vm_end - vma->vm_start != PAGE_SIZE || vma->vm_flags & VM_WRITE)
		return -EINVAL;
	vm_flags_clear(vma, VM_MAYWRITE);
	return vm_insert_page(vma, vma->vm_start, virt_to_page((void *)s->page));
}

/* An in-kernel user that comes when it likes. */
struct stress_hold {
	struct work_struct work;
	struct stress *s;
};

static void stress_held(struct work_struct *work)
{
	struct stress_hold *hold = container_of(work, struct stress_hold, work);
	struct stress *s = hold->s;

	stress_dawdle(2);
	cdevm_scoped_enter(&s->scope) {
		stress_begin(s, "work");
		stress_dawdle(8);
		stress_end(s, "work");
	}
	stress_memory_ok(s);
	cdevm_put(&s->scope);
	kfree(hold);
}

/* At close or at unbind, with the hardware there. */
static void stress_file_action(void *data)
{
	struct stress *s = data;
	struct stress_book *book = s->book;

	stress_begin(s, "file action");
	stress_dawdle(32);
	stress_end(s, "file action");
	atomic_dec(&book->file_actions);
}

static void stress_add_file_action(struct stress *s, struct file *file)
{
	atomic_inc(&s->book->file_actions);
	if (cdevm_file_add_action(file, stress_file_action, s))
		atomic_dec(&s->book->file_actions);
}

/* The misc device is taken back, and published again. */
static void stress_flip(struct work_struct *work)
{
	struct stress_hold *hold = container_of(work, struct stress_hold, work);
	struct stress *s = hold->s;
	struct cdevm_scope *scope = s->second ?: &s->scope;

	mutex_lock(&s->misc_lock);
	if (s->misc_there && !cdevm_deregister_misc(scope, &s->misc)) {
		stress_dawdle(4);
		s->misc.minor = MISC_DYNAMIC_MINOR;
		s->misc_there = !cdevm_register_misc(scope, &s->misc);
	}
	mutex_unlock(&s->misc_lock);
	cdevm_put(scope);
	kfree(hold);
}

static void stress_flip_misc(struct stress *s)
{
	struct stress_hold *hold = kzalloc(sizeof(*hold), GFP_KERNEL);

	if (!hold)
		return;
	/* The second one keeps the first, which @s is in. */
	cdevm_get(s->second ?: &s->scope);
	hold->s = s;
	INIT_WORK(&hold->work, stress_flip);
	queue_work(stress_wq, &hold->work);
}

static int stress_ioc_hold(struct stress *s)
{
	struct stress_hold *hold = kzalloc(sizeof(*hold), GFP_KERNEL);

	if (!hold)
		return -ENOMEM;
	cdevm_get(&s->scope);
	hold->s = s;
	INIT_WORK(&hold->work, stress_held);
	queue_work(stress_wq, &hold->work);
	stress_count(N_HOLDS);
	return 0;
}

/* The lock makes the order in the books the order on the manager. */
static int stress_ioc_add(struct stress *s)
{
	struct stress_res *res = stress_res_alloc(s->book, ON_CDEVM);
	int ret;

	mutex_lock(&s->lock);
	ret = stress_add(res, cdevm_add_action, &s->scope, stress_cdevm_release);
	if (!ret)
		list_add(&res->link, &s->added);
	mutex_unlock(&s->lock);
	return ret;
}

static int stress_ioc_undo(struct stress *s, bool release)
{
	struct stress_res *res;
	int ret = 0;

	mutex_lock(&s->lock);
	res = list_first_entry_or_null(&s->added, struct stress_res, link);
	if (res) {
		list_del_init(&res->link);
		res->early = true;
		if (release) {
			ret = cdevm_release_action(&s->scope, stress_cdevm_release, res);
		} else {
			ret = cdevm_remove_action(&s->scope, stress_cdevm_release, res);
			stress_leave_book(res, false);
			stress_count(N_REMOVED);
			stress_res_free(res);
		}
		stress_check(!ret, "%s: a resource that is there cannot be taken off: %d",
			     s->book->dev_name, ret);
	}
	mutex_unlock(&s->lock);
	return ret;
}

/*
 * Many at once on one manager, with no lock but its own. Each must find its own
 * resource again; what is left is released in the end, and no more than once.
 */
static int stress_ioc_loose(struct stress *s)
{
	struct stress_res *res[4] = { };
	unsigned int i, keep = stress_roll(16);
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(res) && !ret; i++) {
		res[i] = stress_res_alloc(s->book, ON_CDEVM);
		if (!res[i])
			return -ENOMEM;
		atomic_inc(&s->book->loose);
		stress_count(N_ADDED);
		ret = cdevm_add_action(&s->scope, stress_loose_release, res[i]);
		if (ret) {
			atomic_dec(&s->book->loose);
			stress_count(N_REMOVED);
			stress_res_free(res[i]);
			res[i] = NULL;
		}
	}
	for (i = 0; i < ARRAY_SIZE(res); i++) {
		if (!res[i] || (i == keep && atomic_read(&s->book->loose) < STRESS_LOOSE))
			continue;
		res[i]->early = true;
		ret = cdevm_release_action(&s->scope, stress_loose_release, res[i]);
		stress_check(!ret, "%s: a loose resource that is there is not found: %d",
			     s->book->dev_name, ret);
	}
	/* A task that wants to end this need not wait for all rounds. */
	return signal_pending(current) || cdevm_is_revoked(&s->scope) ? -EINTR : 0;
}

static long stress_do_ioctl(struct stress *s, unsigned int cmd, unsigned int ms)
{
	long ret;

	ms = min(ms, 1000u);
	switch (cmd) {
	case STRESS_IOC_SLEEP:
		msleep(min(ms, 50u));
		return 0;
	case STRESS_IOC_WAIT:
		ret = cdevm_wait_event_interruptible(&s->scope, s->wait, stress_has_data(s));
		stress_slept(s);
		return ret;
	case STRESS_IOC_WAIT_TIMEOUT:
		ret = cdevm_wait_event_interruptible_timeout(&s->scope, s->wait, stress_has_data(s),
							     msecs_to_jiffies(ms));
		return min(ret, 0L);
	case STRESS_IOC_WAIT_KILL:
		return wait_event_killable(s->kill_wait,
					   stress_has_data(s) || READ_ONCE(s->kicked));
	case STRESS_IOC_HOLD:
		return stress_ioc_hold(s);
	case STRESS_IOC_ADD:
		return stress_ioc_add(s);
	case STRESS_IOC_RELEASE:
		return stress_ioc_undo(s, true);
	case STRESS_IOC_REMOVE:
		return stress_ioc_undo(s, false);
	case STRESS_IOC_LOOSE:
		for (ret = 0; !ret && ms--; )
			ret = stress_ioc_loose(s);
		return ret;
	case STRESS_IOC_TOUCH:
		return 0;
	}
	return -ENOTTY;
}

static long stress_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct stress *s = stress_of(file);
	long ret;

	stress_begin(s, "ioctl");
	if (!stress_roll(32))
		stress_add_file_action(s, file);
	if (s->alone && !stress_roll(64))
		stress_flip_misc(s);
	ret = stress_do_ioctl(s, cmd, arg);
	stress_end(s, "ioctl");
	stress_count(N_IOCTLS);
	return ret;
}

static const struct file_operations stress_cdev_fops = {
	.owner		= THIS_MODULE,
	.open		= stress_open_cdev,
	.release	= stress_release,
	.read		= stress_read,
	.write		= stress_write,
	.poll		= stress_poll,
	.mmap		= stress_mmap,
	.unlocked_ioctl	= stress_ioctl,
};

static const struct file_operations stress_minors_fops = {
	.owner		= THIS_MODULE,
	.open		= stress_open_minors,
	.release	= stress_release,
	.read_iter	= stress_read_iter,
	.write_iter	= stress_write_iter,
	.poll		= stress_poll,
	.mmap		= stress_mmap,
	.unlocked_ioctl	= stress_ioctl,
};

/* No owner, as drivers forget it. */
static const struct file_operations stress_misc_fops = {
	.open		= stress_open_misc,
	.release	= stress_release,
	.read		= stress_read,
	.write		= stress_write,
	.poll		= stress_poll,
	.mmap		= stress_mmap,
	.unlocked_ioctl	= stress_ioctl,
};

/* --- bind and unbind */

static void stress_kick(struct cdevm_scope *scope)
{
	struct stress *s = container_of(scope, struct stress, scope);

	stress_count(N_REVOKES);
	if (atomic_read(&s->book->inside))
		stress_count(N_BUSY_REVOKES);
	WRITE_ONCE(s->kicked_at, jiffies);
	/* Pairs with the acquire of who has slept: if it sees this, it sees the time. */
	smp_store_release(&s->kicked, true);
	/* Not s->wait: those who sleep there are woken by the revoke. */
	wake_up_all(&s->kill_wait);
}

static void stress_scope_released(struct cdevm_scope *scope)
{
	struct stress *s = container_of(scope, struct stress, scope);
	struct stress_book *book = s->book;

	stress_check(s->magic == STRESS_RES_MAGIC, "%s: scope is freed again", book->dev_name);
	stress_cdevm_check(book, 0);
	stress_check(!stress_depth(book, ON_CDEVM), "%s: scope is freed with %u resources",
		     book->dev_name, stress_depth(book, ON_CDEVM));
	s->magic = STRESS_DEAD;
	atomic_dec(&stress_counters[N_SCOPES]);
	stress_book_put(book);
}

/* By &stress.early and &stress.alone. */
#define STRESS_OPS(...)								\
{										\
	{ { __VA_ARGS__ }, { __VA_ARGS__, .nodes_go_alone = true } },		\
	{ { __VA_ARGS__, .release_at_unbind = true },				\
	  { __VA_ARGS__, .release_at_unbind = true, .nodes_go_alone = true } },	\
}

static const struct cdevm_ops stress_ops[2][2] =
	STRESS_OPS(.kick = stress_kick, .released = stress_scope_released);

static void stress_second_released(struct cdevm_scope *scope)
{
	atomic_dec(&stress_counters[N_SCOPES]);
}

static const struct cdevm_ops stress_second_ops[2][2] =
	STRESS_OPS(.released = stress_second_released);

/* The oldest devm resource of a bind, older than its scopes. */
static void stress_devm_done(void *data)
{
	struct stress_book *book = data;

	stress_none_inside(book, "end of unbind");
	stress_check(!stress_depth(book, ON_DEVM) && !stress_depth(book, ON_UNPUBLISH),
		     "%s: %u devm and %u unpublish resources are left after unbind", book->dev_name,
		     stress_depth(book, ON_DEVM), stress_depth(book, ON_UNPUBLISH));
	stress_book_put(book);
}

static void stress_hw_off(void *data)
{
	struct stress_hw *hw = data;

	/* So that a late access is seen even without KASAN. */
	hw->magic = STRESS_DEAD;
}

static void stress_page_off(void *data)
{
	struct stress *s = data;

	*(u32 *)s->page = STRESS_DEAD;
}

static void stress_parent_release(void *data)
{
	struct stress_res *res = data;

	if (res->book->held)
		stress_cdevm_check(res->book, res->id);
	stress_res_released(res);
}

static const char *stress_parent_name(const struct resmgr *mgr)
{
	return container_of(mgr, struct stress_parent, obj.mgr)->book->dev_name;
}

static void stress_parent_free(struct resmgr *mgr)
{
	struct stress_parent *parent = container_of(mgr, struct stress_parent, obj.mgr);
	struct stress_book *book = parent->book;

	stress_check(stress_depth(book, ON_CDEVM) <= parent->scope_depth,
		     "%s: parent goes while its child has %u resources that are newer",
		     book->dev_name, stress_depth(book, ON_CDEVM) - parent->scope_depth);
	kfree(parent);
	stress_book_put(book);
}

static const struct resmgr_class stress_parent_class = {
	.name		= "stress-parent",
	.owner_name	= stress_parent_name,
	.free		= stress_parent_free,
};

static int stress_add_parent(struct stress *s, u32 resources)
{
	struct stress_parent *parent = kzalloc(sizeof(*parent), GFP_KERNEL);
	int ret;

	if (!parent)
		return -ENOMEM;
	resmgr_object_init(&parent->obj, &stress_parent_class);
	parent->book = s->book;
	refcount_inc(&s->book->ref);
	parent->scope_depth = stress_depth(s->book, ON_CDEVM);

	do {
		ret = stress_add(stress_res_alloc(s->book, ON_PARENT), resmgr_add_action,
				 &parent->obj.mgr, stress_parent_release);
	} while (!ret && resources--);
	if (!ret)
		ret = resmgr_hold(cdevm_mgr(&s->scope), &parent->obj);
	/* From here on it goes after unbind, not before. */
	s->book->held = !ret;
	resmgr_object_put(&parent->obj);
	return ret;
}

/* What managed memory there is; each with a newer resource that finds it intact when it goes. */
static void *stress_cdevm_memory(struct stress *s, size_t len)
{
	struct cdevm_scope *scope = &s->scope;
	void *buf;

	switch (stress_roll(4)) {
	case 0:
		return cdevm_kmalloc(scope, len, GFP_KERNEL);
	case 1:
		return cdevm_kcalloc(scope, len, 1, GFP_KERNEL);
	case 2:
		return cdevm_kmemdup(scope, s->buf, min_t(size_t, len, STRESS_BUF), GFP_KERNEL);
	}
	buf = cdevm_kmalloc(scope, 1, GFP_KERNEL);
	return buf ? cdevm_krealloc(scope, buf, len, GFP_KERNEL) : NULL;
}

static int stress_add_cdevm(struct stress *s)
{
	struct stress_res *res = stress_res_alloc(s->book, ON_CDEVM);
	size_t len = 1 + stress_roll(STRESS_BUF);

	if (res && stress_roll(2)) {
		void *buf = stress_cdevm_memory(s, len);

		if (!buf) {
			stress_res_free(res);
			return -ENOMEM;
		}
		stress_res_guards(res, buf, len);
	}
	return stress_add(res, cdevm_add_action, &s->scope, stress_cdevm_release);
}

static int stress_add_devm(struct device *dev, struct stress_book *book)
{
	struct stress_res *res = stress_res_alloc(book, ON_DEVM);
	size_t len = 1 + stress_roll(STRESS_BUF);

	if (res && stress_roll(2)) {
		void *buf = devm_kmalloc(dev, len, GFP_KERNEL);

		if (!buf) {
			stress_res_free(res);
			return -ENOMEM;
		}
		stress_res_guards(res, buf, len);
	}
	return stress_add(res, devm_add_action, dev, stress_devm_release);
}

/* A group with one resource, which ends in one of the ways there are, or is left open. */
static int stress_add_devm_group(struct device *dev, struct stress_book *book)
{
	void *group = devres_open_group(dev, NULL, GFP_KERNEL);
	struct stress_res *res = stress_res_alloc(book, ON_DEVM);
	int ret = -ENOMEM;

	if (group && res)
		ret = stress_add(res, devm_add_action, dev, stress_devm_release);
	else if (res)
		stress_res_free(res);
	if (ret)
		return ret;

	switch (stress_roll(4)) {
	case 0:
		res->early = true;
		devres_release_group(dev, group);
		break;
	case 1:
		devres_remove_group(dev, group);
		break;
	case 2:
		devres_close_group(dev, group);
		break;
	}
	return 0;
}

static int stress_add_cdevm_group(struct stress *s)
{
	struct resmgr *mgr = cdevm_mgr(&s->scope);
	void *group = resmgr_open_group(mgr, NULL, GFP_KERNEL);
	struct stress_res *res = stress_res_alloc(s->book, ON_CDEVM);
	int ret = -ENOMEM;

	if (group && res)
		ret = stress_add(res, cdevm_add_action, &s->scope, stress_cdevm_release);
	else if (res)
		stress_res_free(res);
	if (ret)
		return ret;

	switch (stress_roll(4)) {
	case 0:
		res->early = true;
		resmgr_release_group(mgr, group);
		break;
	case 1:
		resmgr_remove_group(mgr, group);
		break;
	case 2:
		resmgr_close_group(mgr, group);
		break;
	}
	return 0;
}

static void stress_put_scope(void *scope)
{
	cdevm_put(scope);
}

/* A scope that keeps the first one, and is what guards the misc device then. */
static int stress_add_second(struct stress *s, struct device *dev)
{
	struct cdevm_scope *second = devm_cdevm_create(dev);

	if (IS_ERR(second))
		return PTR_ERR(second);
	cdevm_set_ops(second, &stress_second_ops[s->early][s->alone]);
	stress_count(N_SCOPES);
	s->second = second;
	cdevm_get(&s->scope);
	return cdevm_add_action_or_reset(second, stress_put_scope, &s->scope);
}

static int stress_fill_scope(struct stress *s, struct platform_device *pdev)
{
	struct cdevm_scope *scope = &s->scope;
	int ret, n;

	ret = cdevm_mutex_init(scope, &s->lock);
	if (ret)
		return ret;
	s->buf = cdevm_kmalloc(scope, STRESS_BUF, GFP_KERNEL);
	s->page = cdevm_get_free_pages(scope, GFP_KERNEL | __GFP_ZERO, 0);
	s->percpu = cdevm_alloc_percpu(scope, u32);
	s->name = cdevm_kasprintf(scope, GFP_KERNEL, STRESS_DRIVER "-d%d", pdev->id);
	s->misc_name = cdevm_kasprintf(scope, GFP_KERNEL, STRESS_DRIVER "-m%d", pdev->id);
	if (!s->buf || !s->page || !s->percpu || !s->name || !s->misc_name)
		return -ENOMEM;
	memset(s->buf, 0x5a, STRESS_BUF);
	*(u32 *)s->page = STRESS_PAGE_MAGIC;
	ret = cdevm_add_action_or_reset(scope, stress_page_off, s);

	for (n = stress_roll(4); !ret && n; n--)
		ret = stress_add_cdevm(s);
	if (!ret && !stress_roll(2))
		ret = stress_add_parent(s, stress_roll(3));
	if (!ret && !stress_roll(2))
		ret = stress_add_cdevm_group(s);
	for (n = stress_roll(4); !ret && n; n--)
		ret = stress_add_cdevm(s);
	if (!ret && !stress_roll(2))
		ret = stress_add_second(s, &pdev->dev);
	return ret;
}

static int stress_publish(struct stress *s, struct platform_device *pdev, int node)
{
	dev_t devt = stress_devt + pdev->id * STRESS_MINORS;
	struct device *dev = &pdev->dev;
	int ret;

	switch (node) {
	case 0:
		device_initialize(&s->dev);
		s->dev.parent = dev;
		s->dev.class = stress_class;
		s->dev.devt = devt;
		s->dev.init_name = s->name;
		cdev_init(&s->cdev, &stress_cdev_fops);
		s->cdev.owner = THIS_MODULE;
		return cdevm_add_cdev_device(&s->scope, &s->cdev, &s->dev);
	case 1:
		cdev_init(&s->minors, &stress_minors_fops);
		s->minors.owner = THIS_MODULE;
		return cdevm_add_cdev(&s->scope, &s->minors, devt + 1, STRESS_MINORS - 1);
	default:
		s->misc.name = s->misc_name;
		s->misc.minor = MISC_DYNAMIC_MINOR;
		s->misc.fops = &stress_misc_fops;
		s->misc.parent = dev;
		mutex_lock(&s->misc_lock);
		ret = cdevm_register_misc(s->second ?: &s->scope, &s->misc);
		s->misc_there = !ret;
		mutex_unlock(&s->misc_lock);
		return ret;
	}
}

static int stress_setup(struct platform_device *pdev, struct stress_book *book)
{
	struct device *dev = &pdev->dev;
	struct stress *s;
	int ret, n, first;

	refcount_inc(&book->ref);
	ret = devm_add_action_or_reset(dev, stress_devm_done, book);
	for (n = stress_roll(3); !ret && n; n--)
		ret = stress_add(stress_res_alloc(book, ON_UNPUBLISH), devm_add_unpublish_action,
				 dev, stress_unpublish);
	for (n = stress_roll(4); !ret && n; n--)
		ret = stress_add_devm(dev, book);
	if (ret)
		return ret;

	book->older = stress_depth(book, ON_DEVM);
	s = devm_cdevm_alloc(dev, struct stress, scope);
	if (IS_ERR(s))
		return PTR_ERR(s);
	s->magic = STRESS_RES_MAGIC;
	s->book = book;
	refcount_inc(&book->ref);
	stress_count(N_SCOPES);
	INIT_LIST_HEAD(&s->added);
	init_waitqueue_head(&s->wait);
	init_waitqueue_head(&s->kill_wait);
	s->early = stress_roll(2);
	s->alone = stress_roll(2);
	mutex_init(&s->misc_lock);
	cdevm_set_ops(&s->scope, &stress_ops[s->early][s->alone]);
	platform_set_drvdata(pdev, s);

	s->hw = devm_kzalloc(dev, sizeof(*s->hw), GFP_KERNEL);
	if (!s->hw)
		return -ENOMEM;
	s->hw->magic = STRESS_RES_MAGIC;
	ret = devm_add_action_or_reset(dev, stress_hw_off, s->hw) ?:
	      stress_fill_scope(s, pdev);
	if (!ret && !stress_roll(2))
		ret = stress_add_devm_group(dev, book);
	for (n = stress_roll(4); !ret && n; n--)
		ret = stress_add_devm(dev, book);

	first = stress_roll(3);
	for (n = 0; !ret && n < 3; n++) {
		ret = stress_publish(s, pdev, (first + n) % 3);
		/* Files can be open from here on. */
		stress_dawdle(4);
	}
	for (n = stress_roll(3); !ret && n; n--)
		ret = stress_add(stress_res_alloc(book, ON_UNPUBLISH), devm_add_unpublish_action,
				 dev, stress_unpublish);
	for (n = stress_roll(3); !ret && n; n--)
		ret = stress_add_devm(dev, book);
	if (!ret && !stress_roll(12)) {
		msleep(stress_roll(20));
		ret = -ENXIO;
	}
	return ret;
}

static int stress_probe(struct platform_device *pdev)
{
	struct stress_book *book = stress_book_open(&pdev->dev);
	int ret = -ENOMEM;

	stress_count(N_PROBES);
	if (book) {
		ret = stress_setup(pdev, book);
		stress_book_put(book);
	}
	if (ret)
		stress_count(N_FAILED_PROBES);
	return ret;
}

static void stress_remove(struct platform_device *pdev)
{
	struct stress *s = platform_get_drvdata(pdev);
	struct stress_book *book = s->book;

	stress_count(N_REMOVES);
	WRITE_ONCE(book->removed, true);
	stress_none_inside(book, "remove");
	stress_check(!stress_depth(book, ON_UNPUBLISH), "%s: remove before the unpublish actions",
		     book->dev_name);
	stress_hw_access(s);
	stress_dawdle(2);
	stress_none_inside(book, "remove");
}

static struct platform_driver stress_driver = {
	.probe	= stress_probe,
	.remove	= stress_remove,
	.driver	= {
		.name	= STRESS_DRIVER,
	},
};

static void stress_remove_devices(void)
{
	unsigned int i;

	for (i = 0; i < devices; i++)
		if (!IS_ERR_OR_NULL(stress_pdevs[i]))
			platform_device_unregister(stress_pdevs[i]);
}

static int __init stress_init(void)
{
	unsigned int i;
	int ret;

	if (!devices || devices > STRESS_DEVICES_MAX)
		return -EINVAL;
	ret = alloc_chrdev_region(&stress_devt, 0, devices * STRESS_MINORS, STRESS_DRIVER);
	if (ret)
		return ret;
	stress_class = class_create(STRESS_DRIVER);
	if (IS_ERR(stress_class)) {
		ret = PTR_ERR(stress_class);
		goto err_region;
	}
	ret = -ENOMEM;
	stress_wq = alloc_workqueue(STRESS_DRIVER, WQ_UNBOUND, 0);
	if (!stress_wq)
		goto err_class;
	ret = platform_driver_register(&stress_driver);
	if (ret)
		goto err_wq;
	for (i = 0; i < devices; i++) {
		stress_pdevs[i] = platform_device_register_simple(STRESS_DRIVER, i, NULL, 0);
		if (IS_ERR(stress_pdevs[i])) {
			ret = PTR_ERR(stress_pdevs[i]);
			goto err_devices;
		}
	}
	return 0;

err_devices:
	stress_remove_devices();
	platform_driver_unregister(&stress_driver);
err_wq:
	destroy_workqueue(stress_wq);
err_class:
	class_destroy(stress_class);
err_region:
	unregister_chrdev_region(stress_devt, devices * STRESS_MINORS);
	return ret;
}
module_init(stress_init);

/*
 * Each open file holds the module, but for those that were released at unbind. Scopes
 * may be left: the removal waits for them after this, and reports when it does so for
 * long.
 */
static void __exit stress_exit(void)
{
	stress_remove_devices();
	platform_driver_unregister(&stress_driver);
	/* The work items may drop the last reference on a scope. */
	destroy_workqueue(stress_wq);
	class_destroy(stress_class);
	unregister_chrdev_region(stress_devt, devices * STRESS_MINORS);

	stress_check(atomic_read(&stress_counters[N_OPENS]) ==
		     atomic_read(&stress_counters[N_RELEASES]), "%d opens, %d releases",
		     atomic_read(&stress_counters[N_OPENS]),
		     atomic_read(&stress_counters[N_RELEASES]));
}
module_exit(stress_exit);

MODULE_DESCRIPTION("cdevm: a driver to be stressed");
MODULE_LICENSE("GPL");
