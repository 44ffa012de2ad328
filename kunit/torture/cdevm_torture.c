// SPDX-License-Identifier: GPL-2.0
/*
 * Torture test of cdevm, in the manner of rcutorture: without system calls, so
 * that as many calls pass the gates as the CPUs can make
 *
 * Each of some platform devices has a cdev. Threads open it, call it, poll it
 * and close it. One thread for each device unbinds it all the time, in every
 * way: by the driver core, from a call of its own, by the release of a devres
 * group, and by a probe that fails after the node was published. Some files are
 * kept until long after that.
 *
 * What must hold is checked with records that are kept here, not by asking
 * cdevm:
 *
 * - a call finds the hardware there, which is devm memory, and the driver's struct;
 * - no call is inside when ->remove() begins, or when the hardware goes;
 * - each file that was opened is released once, with the struct there; at unbind, with
 *   the hardware there as well, when the binding is one that asks for that;
 * - the struct goes when the last file has gone, and not before, and all do.
 *
 * Parameters: "seconds" after which the test ends by itself (0: when the module is
 * removed), "devices", "threads" for each CPU, "bug" to see that a violation is
 * found. A line of statistics is printed every "stat_interval" seconds. The last one
 * begins with "cdevm-torture: end".
 */
#include <linux/cdev.h>
#include <linux/cdevm.h>
#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/percpu.h>
#include <linux/platform_device.h>
#include <linux/poll.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "../cdevm/cdevm_kunit.h"

static unsigned int seconds;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "how long; 0: until the module is removed");

static unsigned int devices = 4;
module_param(devices, uint, 0444);
MODULE_PARM_DESC(devices, "how many devices, each with a thread that unbinds it");

static unsigned int threads = 2;
module_param(threads, uint, 0444);
MODULE_PARM_DESC(threads, "threads that call, for each CPU");

static unsigned int stat_interval = 15;
module_param(stat_interval, uint, 0444);
MODULE_PARM_DESC(stat_interval, "seconds between two lines of statistics");

static char *bug = "";
module_param(bug, charp, 0444);
MODULE_PARM_DESC(bug, "planted: ungated, put-twice, late-hardware, lost-release, early-hardware");

#define TOY_ALIVE	0x70e70e70
#define HW_ALIVE	0x4a8d4a8d
#define DEAD		0xdeaddead
/* Files that a thread keeps for later. */
#define KEPT		4
/*
 * An inode leads to the node that it was opened first with, for as long as a file of
 * that is open. So each binding gets another one of so many.
 */
#define INODES		64

enum { TOY_WORK, TOY_SLEEP, TOY_UNBIND };

/* What the hardware is: devm memory. */
struct hw {
	u32		magic;
};

/**
 * struct slot - a device, for as long as the module is there
 * @pdev: the device
 * @devt: number of its node
 * @generation: how often it was bound. Under the device lock, and read by others
 * @next: how it is bound the next time; see slot_probe(). Under the device lock
 * @group: devres group with the scope of the binding, or %NULL. Under the device lock
 * @binder: thread that binds and unbinds it
 * @rnd: of the binder
 */
struct slot {
	struct platform_device	*pdev;
	dev_t			devt;
	unsigned int		generation;
	u32			next;
	void			*group;
	struct task_struct	*binder;
	struct rnd_state	rnd;
};

/**
 * struct toy - the driver's struct
 * @scope: its scope
 * @cdev: its node
 * @ops: of the scope
 * @magic: %TOY_ALIVE
 * @hw: hardware
 * @inside: calls that are inside
 * @files: that were opened and not released
 * @wait: nobody ever wakes it
 */
struct toy {
	struct cdevm_scope	scope;
	struct cdev		cdev;
	struct cdevm_ops	ops;
	u32			magic;
	struct hw		*hw;
	atomic_t		inside;
	atomic_t		files;
	wait_queue_head_t	wait;
};

/* --- statistics */

struct stats {
	u64	calls, refused, opens, closes, polls, sleeps, kept;
};

static DEFINE_PER_CPU(struct stats, stats);
static atomic_t binds, unbinds, failed_probes, groups, selfs, toys, violations;

#define count(what)	this_cpu_inc(stats.what)

static bool is_bug(const char *name)
{
	return !strcmp(bug, name);
}

/* The first ones are told; a call that goes wrong does so a million times a second. */
#define check(cond, fmt, ...)						\
({									\
	bool __good = (cond);						\
									\
	if (unlikely(!__good))						\
		WARN(atomic_inc_return(&violations) <= 4,		\
		     "cdevm-torture: " fmt "\n", ##__VA_ARGS__);	\
	__good;								\
})

/* --- the driver */

static long toy_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct toy *toy = file->private_data;
	int ret = 0;

	atomic_inc(&toy->inside);
	check(toy->magic == TOY_ALIVE, "a call finds the struct gone");
	check(READ_ONCE(toy->hw->magic) == HW_ALIVE, "a call finds the hardware gone");
	switch (cmd) {
	case TOY_SLEEP:
		count(sleeps);
		ret = cdevm_wait_event_interruptible_timeout(&toy->scope, toy->wait, false,
							     msecs_to_jiffies(arg));
		break;
	case TOY_UNBIND:
		atomic_inc(&selfs);
		ret = cdevm_unbind_self(&toy->scope);
		break;
	}
	if (is_bug("early-hardware") && !(this_cpu_read(stats.calls) & 0xffff))
		WRITE_ONCE(toy->hw->magic, DEAD);
	check(READ_ONCE(toy->hw->magic) == HW_ALIVE, "the hardware went while a call was inside");
	atomic_dec(&toy->inside);
	return ret;
}

static __poll_t toy_poll(struct file *file, poll_table *wait)
{
	struct toy *toy = file->private_data;

	poll_wait(file, &toy->wait, wait);
	check(READ_ONCE(toy->hw->magic) == HW_ALIVE, "poll finds the hardware gone");
	return EPOLLOUT;
}

static int toy_open(struct inode *inode, struct file *file)
{
	struct toy *toy = container_of(inode->i_cdev, struct toy, cdev);

	check(READ_ONCE(toy->hw->magic) == HW_ALIVE, "open finds the hardware gone");
	file->private_data = toy;
	atomic_inc(&toy->files);
	return 0;
}

static int toy_release(struct inode *inode, struct file *file)
{
	struct toy *toy = file->private_data;

	check(toy->magic == TOY_ALIVE, "a release finds the struct gone");
	if (toy->ops.release_at_unbind || is_bug("late-hardware")) {
		check(READ_ONCE(toy->hw->magic) == HW_ALIVE, "a release finds the hardware gone");
	} else if (cdevm_enter(&toy->scope)) {
		check(READ_ONCE(toy->hw->magic) == HW_ALIVE, "a release inside finds it gone");
		cdevm_exit(&toy->scope);
	}
	if (!is_bug("lost-release"))
		check(atomic_dec_return(&toy->files) >= 0, "a file is released twice");
	return 0;
}

static const struct file_operations toy_fops = {
	.owner		= THIS_MODULE,
	.open		= toy_open,
	.release	= toy_release,
	.unlocked_ioctl	= toy_ioctl,
	.poll		= toy_poll,
};

static void toy_end(void *data)
{
	struct toy *toy = data;

	check(toy->magic == TOY_ALIVE, "a struct goes twice");
	check(!atomic_read(&toy->inside), "a struct goes with %d calls inside",
	      atomic_read(&toy->inside));
	check(!atomic_read(&toy->files), "a struct goes with %d files open",
	      atomic_read(&toy->files));
	toy->magic = DEAD;
	atomic_dec(&toys);
}

static void hw_end(void *data)
{
	struct toy *toy = data;

	check(!atomic_read(&toy->inside), "hardware goes with %d calls inside",
	      atomic_read(&toy->inside));
	WRITE_ONCE(toy->hw->magic, DEAD);
}

/* How a binding is made, by the bits of slot->next. */
#define BIND_GROUP	1	/* the scope is in a devres group of its own */
#define BIND_RELEASE	2	/* files are released at unbind */
#define BIND_FAIL	4	/* the probe fails, when all is done */
#define BIND_NOW	8	/* always there when the thread binds it */

static struct slot *to_slot(const struct platform_device *pdev)
{
	return *(struct slot **)dev_get_platdata(&pdev->dev);
}

static int slot_probe(struct platform_device *pdev)
{
	struct slot *slot = to_slot(pdev);
	struct device *dev = &pdev->dev;
	struct toy *toy;
	struct hw *hw;
	int ret;

	/* Only when its thread says so, not when the driver is registered. */
	if (!(slot->next & BIND_NOW))
		return -ENODEV;
	slot->generation++;
	hw = devm_kzalloc(dev, sizeof(*hw), GFP_KERNEL);
	if (!hw)
		return -ENOMEM;
	hw->magic = HW_ALIVE;
	slot->group = NULL;
	if (slot->next & BIND_GROUP) {
		slot->group = devres_open_group(dev, NULL, GFP_KERNEL);
		if (!slot->group)
			return -ENOMEM;
	}
	toy = devm_cdevm_alloc(dev, struct toy, scope);
	if (IS_ERR(toy))
		return PTR_ERR(toy);
	toy->magic = TOY_ALIVE;
	toy->hw = hw;
	init_waitqueue_head(&toy->wait);
	toy->ops.release_at_unbind = slot->next & BIND_RELEASE;
	cdevm_set_ops(&toy->scope, &toy->ops);
	atomic_inc(&toys);
	ret = cdevm_add_action_or_reset(&toy->scope, toy_end, toy);
	if (ret)
		return ret;
	ret = devm_add_action_or_reset(dev, hw_end, toy);
	if (ret)
		return ret;
	cdev_init(&toy->cdev, &toy_fops);
	ret = cdevm_add_cdev(&toy->scope, &toy->cdev, slot->devt, 1);
	if (ret)
		return ret;
	if (slot->group)
		devres_close_group(dev, slot->group);
	platform_set_drvdata(pdev, toy);
	if (slot->next & BIND_FAIL) {
		/* Somebody may have a file by then. */
		usleep_range(10, 500);
		atomic_inc(&failed_probes);
		return -ENODEV;
	}
	atomic_inc(&binds);
	return 0;
}

static void slot_remove(struct platform_device *pdev)
{
	struct toy *toy = platform_get_drvdata(pdev);

	atomic_inc(&unbinds);
	/* A group was released, and the struct may have gone with it. */
	if (!toy)
		return;
	check(!atomic_read(&toy->inside), "->remove() begins with %d calls inside",
	      atomic_read(&toy->inside));
	if (is_bug("put-twice"))
		cdevm_put(&toy->scope);
}

static struct platform_driver torture_driver = {
	.probe			= slot_probe,
	.remove			= slot_remove,
	.driver.name		= "cdevm-torture",
	/* Bound by the threads alone. */
	.driver.suppress_bind_attrs = true,
};

/* --- who calls */

static struct slot *slots;
static struct vfsmount *mnt;
static struct task_struct **callers;
static unsigned int nr_callers;
static struct task_struct *control;

static struct file *slot_open(const struct slot *slot)
{
	return node_open(mnt, slot->devt, READ_ONCE(slot->generation) % INODES);
}

static void slot_close(struct file *file)
{
	if (!file)
		return;
	count(closes);
	/* A worker would have ever more to do. */
	close_file(file);
}

static long call(struct file *file, unsigned int cmd, unsigned long arg)
{
	long ret;

	if (is_bug("ungated"))
		return toy_ioctl(file, cmd, arg);
	ret = file->f_op->unlocked_ioctl(file, cmd, arg);
	if (ret == -ENODEV)
		count(refused);
	else
		count(calls);
	return ret;
}

static void use(struct file *file, struct rnd_state *rnd)
{
	unsigned int n = prandom_u32_state(rnd) % 400;

	while (n--)
		if (call(file, TOY_WORK, 0) == -ENODEV && n > 3)
			n = 3;
	n = prandom_u32_state(rnd);
	if (!(n & 15)) {
		count(polls);
		check(vfs_poll(file, NULL), "poll reports nothing");
	}
	if (!(n & 0x1f0))
		call(file, TOY_SLEEP, n % 5 + 1);
}

static int caller(void *arg)
{
	struct file *kept[KEPT] = {}, *file, *old;
	struct rnd_state rnd;
	u32 r;

	prandom_seed_state(&rnd, (unsigned long)arg + 1);
	while (!kthread_should_stop()) {
		cond_resched();
		r = prandom_u32_state(&rnd);
		file = slot_open(&slots[r % devices]);
		if (IS_ERR(file))
			continue;
		count(opens);
		use(file, &rnd);
		old = file;
		if (!(r & 0x7000)) {
			count(kept);
			old = kept[r % KEPT];
			kept[r % KEPT] = file;
			if (old)
				use(old, &rnd);
		}
		slot_close(old);
	}
	for (r = 0; r < KEPT; r++)
		slot_close(kept[r]);
	return 0;
}

/* --- who unbinds */

static void release_group(struct slot *slot)
{
	struct device *dev = &slot->pdev->dev;

	device_lock(dev);
	if (dev->driver && slot->group) {
		atomic_inc(&groups);
		platform_set_drvdata(slot->pdev, NULL);
		devres_release_group(dev, slot->group);
		slot->group = NULL;
	}
	device_unlock(dev);
}

static void unbind_by_call(struct slot *slot)
{
	struct file *file = slot_open(slot);

	if (IS_ERR(file))
		return;
	count(opens);
	call(file, TOY_UNBIND, 0);
	slot_close(file);
}

static int binder(void *arg)
{
	struct slot *slot = arg;
	struct device *dev = &slot->pdev->dev;
	unsigned int way;

	while (!kthread_should_stop()) {
		way = prandom_u32_state(&slot->rnd);
		device_lock(dev);
		slot->next = (way & (BIND_GROUP | BIND_RELEASE)) | BIND_NOW;
		if (!(way & 0x70))
			slot->next |= BIND_FAIL;
		device_unlock(dev);
		if (device_attach(dev) != 1)
			continue;
		usleep_range(100, 100 + (way >> 8) % 3000);
		switch (way >> 28) {
		case 0 ... 3:
			release_group(slot);
			break;
		case 4:
			unbind_by_call(slot);
			/* It is at work on it, or somebody else was faster. */
			usleep_range(100, 1000);
			break;
		}
		device_release_driver(dev);
	}
	device_lock(dev);
	slot->next = 0;
	device_unlock(dev);
	device_release_driver(dev);
	return 0;
}

/* --- begin, statistics, end */

/* Not exact while they run, and need not be. */
static struct stats stats_sum(void)
{
	struct stats sum = {};
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct stats *s = per_cpu_ptr(&stats, cpu);

		sum.calls += READ_ONCE(s->calls);
		sum.refused += READ_ONCE(s->refused);
		sum.opens += READ_ONCE(s->opens);
		sum.closes += READ_ONCE(s->closes);
		sum.polls += READ_ONCE(s->polls);
		sum.sleeps += READ_ONCE(s->sleeps);
		sum.kept += READ_ONCE(s->kept);
	}
	return sum;
}

static u64 torture_print(const char *what)
{
	struct stats sum = stats_sum();

	pr_info("cdevm-torture: %s: calls %llu refused %llu opens %llu closes %llu polls %llu sleeps %llu kept %llu binds %d unbinds %d failed-probes %d groups %d selfs %d toys %d violations %d\n",
		what, sum.calls, sum.refused, sum.opens, sum.closes, sum.polls,
		sum.sleeps, sum.kept, atomic_read(&binds), atomic_read(&unbinds),
		atomic_read(&failed_probes), atomic_read(&groups), atomic_read(&selfs),
		atomic_read(&toys), atomic_read(&violations));
	return sum.calls;
}

/* Check that everything has happened without which a run shows nothing. */
static bool seen_all(void)
{
	struct stats sum = stats_sum();

	return sum.calls && sum.refused && sum.polls && sum.sleeps && sum.kept &&
	       atomic_read(&unbinds) && atomic_read(&failed_probes) &&
	       atomic_read(&groups) && atomic_read(&selfs);
}

static void stop_thread(struct task_struct **task)
{
	if (!IS_ERR_OR_NULL(*task))
		kthread_stop(*task);
	*task = NULL;
}

static void torture_stop(void)
{
	unsigned int i;

	for (i = 0; i < nr_callers; i++)
		stop_thread(&callers[i]);
	for (i = 0; i < devices; i++)
		stop_thread(&slots[i].binder);
	/* DEBUG_KOBJECT_RELEASE delays the end of a cdev by up to four seconds. */
	for (i = 0; i < 300 && atomic_read(&toys); i++)
		msleep(100);
	check(!atomic_read(&toys), "%d structs have not gone", atomic_read(&toys));
}

/* A run on a slow or busy machine takes longer, so that it still shows something. */
static bool is_over(unsigned long end)
{
	if (!seconds || time_before(jiffies, end))
		return false;
	return seen_all() || time_after(jiffies, end + (4 * seconds + 60) * HZ);
}

static int controller(void *unused)
{
	unsigned long end = jiffies + seconds * HZ, next = jiffies;
	u64 calls, before = 0;
	int unbound = -1;

	while (!kthread_should_stop() && !is_over(end)) {
		msleep_interruptible(200);
		if (time_before(jiffies, next + stat_interval * HZ))
			continue;
		next = jiffies;
		calls = torture_print("running");
		check(calls != before && atomic_read(&unbinds) != unbound,
		      "nothing has happened for %u seconds", stat_interval);
		before = calls;
		unbound = atomic_read(&unbinds);
	}
	torture_stop();
	torture_print(atomic_read(&violations) ? "end: FAILURE" : "end: SUCCESS");
	while (!kthread_should_stop())
		msleep_interruptible(200);
	return 0;
}

static void torture_free(void)
{
	unsigned int i;

	for (i = 0; slots && i < devices; i++)
		platform_device_unregister(slots[i].pdev);
	platform_driver_unregister(&torture_driver);
	if (!IS_ERR_OR_NULL(mnt))
		kern_unmount(mnt);
	if (slots && slots[0].devt)
		unregister_chrdev_region(slots[0].devt, devices);
	kfree(callers);
	kfree(slots);
}

static int slot_start(struct slot *slot, unsigned int i)
{
	/* What the device gets is a copy: of a pointer. */
	slot->pdev = platform_device_register_data(NULL, "cdevm-torture", i, &slot,
						   sizeof(slot));
	if (IS_ERR(slot->pdev)) {
		int ret = PTR_ERR(slot->pdev);

		slot->pdev = NULL;
		return ret;
	}
	prandom_seed_state(&slot->rnd, i + 1);
	slot->binder = kthread_run(binder, slot, "torture_bind/%u", i);
	return PTR_ERR_OR_ZERO(slot->binder);
}

static int torture_start(void)
{
	struct file_system_type *ramfs = get_fs_type("ramfs");
	unsigned int i;
	dev_t devt;
	int ret;

	if (!ramfs)
		return -ENODEV;
	/* No module that would have to be let go. */
	mnt = kern_mount(ramfs);
	if (IS_ERR(mnt))
		return PTR_ERR(mnt);
	ret = alloc_chrdev_region(&devt, 0, devices, "cdevm-torture");
	if (ret)
		return ret;
	for (i = 0; i < devices; i++)
		slots[i].devt = devt + i;
	for (i = 0; i < devices; i++) {
		ret = slot_start(&slots[i], i);
		if (ret)
			return ret;
	}
	for (i = 0; i < nr_callers; i++) {
		callers[i] = kthread_run(caller, (void *)(unsigned long)i,
					 "torture_call/%u", i);
		if (IS_ERR(callers[i]))
			return PTR_ERR(callers[i]);
	}
	control = kthread_run(controller, NULL, "torture_stats");
	return PTR_ERR_OR_ZERO(control);
}

static int __init torture_init(void)
{
	int ret;

	if (!devices || !threads || !stat_interval)
		return -EINVAL;
	nr_callers = threads * num_online_cpus();
	slots = kcalloc(devices, sizeof(*slots), GFP_KERNEL);
	callers = kcalloc(nr_callers, sizeof(*callers), GFP_KERNEL);
	ret = slots && callers ? platform_driver_register(&torture_driver) : -ENOMEM;
	if (ret) {
		kfree(callers);
		kfree(slots);
		return ret;
	}
	ret = torture_start();
	if (ret) {
		torture_stop();
		torture_free();
	}
	return ret;
}
module_init(torture_init);

static void __exit torture_exit(void)
{
	/* It has stopped the others, or does now. */
	kthread_stop(control);
	torture_free();
}
module_exit(torture_exit);

MODULE_DESCRIPTION("Torture test of cdevm");
MODULE_LICENSE("GPL");
