// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmarks: the manager, the gate and unbind, beside their peers
 *
 * One source for stock and for the patched kernel: what stock has not is left
 * out there. tools/bench.sh runs it in QEMU, where one instruction takes one
 * nanosecond, so that ktime_get_ns() counts instructions; and, with
 * contended=1, in a User Mode Linux with two CPUs, where it tells the time.
 *
 * A result is one line in the log:
 *
 *	BENCH name variant n value per unit
 *
 * n is how many there were, and value / per the result.
 */
#define pr_fmt(fmt) fmt

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu-refcount.h>
#include <linux/platform_device.h>
#include <linux/poll.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/wait_bit.h>

#if IS_ENABLED(CONFIG_DRM)
#include <drm/drm_device.h>
#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#endif

#if IS_ENABLED(CONFIG_GPIOLIB)
#include <linux/gpio/consumer.h>
#include <linux/gpio/driver.h>
#include <linux/gpio/machine.h>
#endif

#if IS_ENABLED(CONFIG_VIDEO_DEV)
#include <media/v4l2-dev.h>
#include <media/v4l2-device.h>
#include <media/v4l2-fh.h>
#include <media/v4l2-ioctl.h>
#ifdef CONFIG_CDEVM
#include <media/v4l2-cdevm.h>
#endif
#endif

#ifdef CONFIG_CDEVM
#include <linux/cdevm.h>
#define SELF	"ours"
#else
#define SELF	"stock"
#endif

static bool contended;
module_param(contended, bool, 0444);
MODULE_PARM_DESC(contended, "two CPUs in one gate, and nothing else");

static void report(const char *name, const char *variant, unsigned long n,
		   u64 value, unsigned long per, const char *unit)
{
	pr_info("BENCH %s %s %lu %llu %lu %s\n", name, variant, n, value, per,
		unit);
}

/* --- loops: one entry and one exit, or one allocation and its free, each time */

/* More would be a chance for a timer interrupt, which is no part of the loop. */
#define LOOPS	2000
#define RUNS	7

/* Of several runs the shortest is one without an interrupt in it. */
static u64 shortest(void (*loop)(unsigned int n), unsigned int n)
{
	u64 best = U64_MAX;
	unsigned int i;

	for (i = 0; i < RUNS; i++) {
		u64 begin = ktime_get_ns();

		loop(n);
		best = min(best, ktime_get_ns() - begin);
	}
	return best;
}

static void bench(const char *name, const char *variant,
		  void (*loop)(unsigned int n))
{
	report(name, variant, LOOPS, shortest(loop, LOOPS), LOOPS,
	       "instructions");
}

#define LOOP(name, ...)							\
static noinline void loop_##name(unsigned int n)			\
{									\
	while (n--) {							\
		__VA_ARGS__;						\
		barrier();						\
	}								\
}

static struct percpu_ref ref;
static atomic_t active;
static DECLARE_RWSEM(rwsem);
DEFINE_STATIC_SRCU(srcu);
static struct device *dev;

static void ref_released(struct percpu_ref *unused)
{
}

LOOP(empty)

LOOP(percpu_ref,
	if (percpu_ref_tryget_live(&ref))
		percpu_ref_put(&ref))

LOOP(srcu,
	srcu_read_unlock(&srcu, srcu_read_lock(&srcu)))

/* What kernfs and procfs have: a count that is made negative to refuse. */
LOOP(atomic,
	if (atomic_inc_unless_negative(&active) &&
	    atomic_dec_return(&active) == INT_MIN)
		wake_up_var(&active))

LOOP(rwsem,
	down_read(&rwsem);
	up_read(&rwsem))

LOOP(kmalloc,
	kfree(kmalloc(64, GFP_KERNEL)))

LOOP(devm_kmalloc,
	devm_kfree(dev, devm_kmalloc(dev, 64, GFP_KERNEL)))

static void nothing(void *unused)
{
}

LOOP(devm_action,
	if (!devm_add_action(dev, nothing, NULL))
		devm_remove_action(dev, nothing, NULL))

/* The oldest of many is the one that a search from the newest finds last. */
static void *oldest[10000];
static unsigned int oldest_count, oldest_at;

LOOP(devm_oldest,
	devm_kfree(dev, oldest[oldest_at]);
	oldest[oldest_at] = devm_kmalloc(dev, 64, GFP_KERNEL);
	if (++oldest_at == oldest_count)
		oldest_at = 0)

static void bench_oldest(unsigned int count)
{
	const unsigned int n = 100;
	unsigned int i;

	oldest_count = count;
	oldest_at = 0;
	for (i = 0; i < count; i++)
		oldest[i] = devm_kmalloc(dev, 64, GFP_KERNEL);
	report("devm_kfree_oldest", SELF, count, shortest(loop_devm_oldest, n), n,
	       "instructions");
	for (i = 0; i < count; i++)
		devm_kfree(dev, oldest[i]);
}

#ifdef CONFIG_CDEVM
static struct resmgr_gate gate;

LOOP(gate,
	if (resmgr_gate_enter(&gate))
		resmgr_gate_exit(&gate))
#endif

#if IS_ENABLED(CONFIG_DRM)
static const struct drm_driver drm_driver = {
	.name = "resmgr-bench",
	.desc = "benchmark",
	.major = 1,
};

static struct drm_device *drm;

LOOP(drm_enter,
	int idx;

	if (drm_dev_enter(drm, &idx))
		drm_dev_exit(idx))

/*
 * A pair of exported functions is two calls, however little is in them. Called
 * by pointers, or the compiler would see that there is nothing.
 */
static bool nothing_enter(struct drm_device *drm, int *idx)
{
	*idx = 0;
	return true;
}

static void nothing_exit(int idx)
{
}

static bool (*enter_nothing)(struct drm_device *drm, int *idx);
static void (*exit_nothing)(int idx);

LOOP(drm_nothing,
	int idx;

	if (enter_nothing(drm, &idx))
		exit_nothing(idx))

LOOP(drmm_kmalloc,
	drmm_kfree(drm, drmm_kmalloc(drm, 64, GFP_KERNEL)))

static void drm_nothing(struct drm_device *drm, void *unused)
{
}

LOOP(drmm_action,
	if (!drmm_add_action(drm, drm_nothing, NULL))
		drmm_release_action(drm, drm_nothing, NULL))

static int bench_drm(void)
{
	u64 begin, took;
	int ret;

	drm = drm_dev_alloc(&drm_driver, dev);
	if (IS_ERR(drm))
		return PTR_ERR(drm);
#ifndef CONFIG_CDEVM
	/* In ours it is a gate itself. */
	bench("gate_enter_exit", "drm_dev_enter", loop_drm_enter);
#endif
	bench("drm_dev_enter_exit", SELF, loop_drm_enter);
	enter_nothing = nothing_enter;
	exit_nothing = nothing_exit;
	OPTIMIZER_HIDE_VAR(enter_nothing);
	OPTIMIZER_HIDE_VAR(exit_nothing);
	bench("drm_dev_enter_exit", "two_empty_calls", loop_drm_nothing);
	bench("drmm_kmalloc_kfree_64", SELF, loop_drmm_kmalloc);
	bench("drmm_add_release_action", SELF, loop_drmm_action);

	ret = drm_dev_register(drm, 0);
	if (!ret) {
		begin = ktime_get_ns();
		drm_dev_unplug(drm);
		took = ktime_get_ns() - begin;
		report("unbind_scopes", "drm_dev_unplug", 1, took, 1, "ns");
		report("drm_dev_unplug", SELF, 1, took, 1, "ns");
	}
	drm_dev_put(drm);
	return ret;
}
#else
static int bench_drm(void)
{
	return 0;
}
#endif

#if IS_ENABLED(CONFIG_GPIOLIB)
/* A chip of one line that does nothing, so that what is counted is gpiolib. */
static int line_get(struct gpio_chip *gc, unsigned int offset)
{
	return 1;
}

static int line_direction_input(struct gpio_chip *gc, unsigned int offset)
{
	return 0;
}

static struct gpio_chip chip = {
	.label = "resmgr-bench",
	.owner = THIS_MODULE,
	.base = -1,
	.ngpio = 1,
	.get = line_get,
	.direction_input = line_direction_input,
};

static struct gpio_desc *line;

LOOP(gpiod_get_value,
	gpiod_get_value(line))

static int bench_gpio(void)
{
	u64 begin;
	int ret;

	chip.parent = dev;
	ret = gpiochip_add_data(&chip, NULL);
	if (ret)
		return ret;
	line = gpiochip_request_own_desc(&chip, 0, "bench", GPIO_ACTIVE_HIGH, GPIOD_IN);
	if (IS_ERR(line)) {
		gpiochip_remove(&chip);
		return PTR_ERR(line);
	}
	bench("gpiod_get_value", SELF, loop_gpiod_get_value);
	gpiochip_free_own_desc(line);
	begin = ktime_get_ns();
	gpiochip_remove(&chip);
	report("gpiochip_remove", SELF, 1, ktime_get_ns() - begin, 1, "ns");
	return 0;
}
#else
static int bench_gpio(void)
{
	return 0;
}
#endif

static int bench_loops(void)
{
	int ret;

	bench("empty_loop", SELF, loop_empty);
	bench("kmalloc_kfree_64", SELF, loop_kmalloc);

	ret = percpu_ref_init(&ref, ref_released, 0, GFP_KERNEL);
	if (ret)
		return ret;
	bench("gate_enter_exit", "percpu_ref", loop_percpu_ref);
	bench("gate_enter_exit", "srcu", loop_srcu);
	bench("gate_enter_exit", "kernfs_atomic", loop_atomic);
	bench("gate_enter_exit", "rwsem", loop_rwsem);
#ifdef CONFIG_CDEVM
	ret = resmgr_gate_init(&gate);
	if (ret)
		return ret;
	bench("gate_enter_exit", SELF, loop_gate);
#endif
	bench("devm_kmalloc_kfree_64", SELF, loop_devm_kmalloc);
	bench("devm_add_remove_action", SELF, loop_devm_action);
	bench_oldest(10);
	bench_oldest(100);
	bench_oldest(10000);
	return bench_drm() ?: bench_gpio();
}

/* --- bytes */

static void bench_bytes(void)
{
	const unsigned long cpus[] = { 8, 64 };
	unsigned long header;
	void *p;
	int i;

	/* Header and data together are an object of a page, which is aligned. */
	p = devm_kmalloc(dev, PAGE_SIZE * 3 / 4, GFP_KERNEL);
	header = offset_in_page(p);
	devm_kfree(dev, p);
	report("node_bytes", SELF, 1, header, 1, "bytes");
	report("slab_bytes_devm_kzalloc_16", SELF, 1,
	       kmalloc_size_roundup(header + 16), 1, "bytes");
#ifdef CONFIG_CDEVM
	report("slab_bytes_action", SELF, 1,
	       kmalloc_size_roundup(sizeof(struct resmgr_action)), 1, "bytes");
#else
	/* An action is data with two pointers in it. */
	report("slab_bytes_action", SELF, 1,
	       kmalloc_size_roundup(header + 2 * sizeof(void *)), 1, "bytes");
#endif

	for (i = 0; i < ARRAY_SIZE(cpus); i++) {
		unsigned long n = cpus[i], bytes;

		bytes = kmalloc_size_roundup(sizeof(struct percpu_ref_data)) +
			n * sizeof(long);
		report("gate_bytes", "percpu_ref", n,
		       sizeof(struct percpu_ref) + bytes, 1, "bytes");
#ifdef CONFIG_CDEVM
		report("gate_bytes", SELF, n, sizeof(struct resmgr_gate) +
		       n * sizeof(atomic64_t), 1, "bytes");
#endif
		report("gate_bytes", "srcu", n, sizeof(struct srcu_struct) +
		       kmalloc_size_roundup(sizeof(struct srcu_usage)) +
		       n * sizeof(struct srcu_data), 1, "bytes");
	}
}

/* --- unbind: a driver whose probe does what the plan says */

static struct {
	unsigned int	resources;	/* of 16 bytes each, or actions */
	bool		actions;
	unsigned int	scopes;
	const char	*node;		/* publish this one */
} plan;

static u64 remove_at, released_at;

static long bench_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return 0;
}

static ssize_t bench_read(struct file *file, char __user *buf, size_t len,
			  loff_t *pos)
{
	return len;
}

static __poll_t bench_poll(struct file *file, struct poll_table_struct *table)
{
	static DECLARE_WAIT_QUEUE_HEAD(queue);

	poll_wait(file, &queue, table);
	return EPOLLIN;
}

static int bench_open(struct inode *inode, struct file *file)
{
	return 0;
}

static int bench_release(struct inode *inode, struct file *file)
{
	return 0;
}

static const struct file_operations plain_fops = {
	.owner = THIS_MODULE,
	.open = bench_open,
	.release = bench_release,
	.read = bench_read,
	.poll = bench_poll,
	.unlocked_ioctl = bench_ioctl,
};

/* The same by hand: a mutex and a flag that says whether the device is there. */
static DEFINE_MUTEX(mutex);
static bool there = true;

static long locked_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	long ret = -ENODEV;

	mutex_lock(&mutex);
	if (READ_ONCE(there))
		ret = bench_ioctl(file, cmd, arg);
	mutex_unlock(&mutex);
	return ret;
}

static ssize_t locked_read(struct file *file, char __user *buf, size_t len,
			   loff_t *pos)
{
	ssize_t ret = -ENODEV;

	mutex_lock(&mutex);
	if (READ_ONCE(there))
		ret = bench_read(file, buf, len, pos);
	mutex_unlock(&mutex);
	return ret;
}

static __poll_t locked_poll(struct file *file, struct poll_table_struct *table)
{
	__poll_t ret = EPOLLHUP | EPOLLERR;

	mutex_lock(&mutex);
	if (READ_ONCE(there))
		ret = bench_poll(file, table);
	mutex_unlock(&mutex);
	return ret;
}

static int locked_open(struct inode *inode, struct file *file)
{
	int ret = -ENODEV;

	mutex_lock(&mutex);
	if (READ_ONCE(there))
		ret = bench_open(inode, file);
	mutex_unlock(&mutex);
	return ret;
}

static int locked_release(struct inode *inode, struct file *file)
{
	int ret;

	mutex_lock(&mutex);
	ret = bench_release(inode, file);
	mutex_unlock(&mutex);
	return ret;
}

static const struct file_operations locked_fops = {
	.owner = THIS_MODULE,
	.open = locked_open,
	.release = locked_release,
	.read = locked_read,
	.poll = locked_poll,
	.unlocked_ioctl = locked_ioctl,
};

static struct miscdevice plain_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "bplain",
	.fops = &plain_fops,
	.mode = 0600,
};

static struct miscdevice locked_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "bmutex",
	.fops = &locked_fops,
	.mode = 0600,
};

static void deregister(void *misc)
{
	misc_deregister(misc);
}

static void released(void *unused)
{
	released_at = ktime_get_ns();
}

#ifdef CONFIG_CDEVM
struct gated {
	struct cdevm_scope	scope;
	struct miscdevice	misc;
};

static int probe_gated(struct device *dev)
{
	struct gated *gated = devm_cdevm_alloc(dev, struct gated, scope);

	if (IS_ERR(gated))
		return PTR_ERR(gated);
	gated->misc.minor = MISC_DYNAMIC_MINOR;
	gated->misc.name = "bgated";
	gated->misc.fops = &plain_fops;
	gated->misc.mode = 0600;
	return cdevm_register_misc(&gated->scope, &gated->misc);
}

static int probe_scopes(struct device *dev, unsigned int n)
{
	while (n--) {
		struct cdevm_scope *scope = devm_cdevm_create(dev);

		if (IS_ERR(scope))
			return PTR_ERR(scope);
	}
	return 0;
}
#else
static int probe_gated(struct device *dev)
{
	return 0;
}

static int probe_scopes(struct device *dev, unsigned int n)
{
	return 0;
}
#endif

/* --- a video node: /dev/video0 in no scope, /dev/video1 in one */

#if IS_ENABLED(CONFIG_VIDEO_DEV)
static int video_querycap(struct file *file, void *fh, struct v4l2_capability *cap)
{
	return 0;
}

static const struct v4l2_ioctl_ops video_ioctl_ops = {
	.vidioc_querycap = video_querycap,
};

static const struct v4l2_file_operations video_fops = {
	.owner = THIS_MODULE,
	.open = v4l2_fh_open,
	.release = v4l2_fh_release,
	.poll = bench_poll,
	.unlocked_ioctl = video_ioctl2,
};

static void video_set_up(struct video_device *vdev, struct v4l2_device *v4l2_dev)
{
	strscpy(vdev->name, "resmgr-bench", sizeof(vdev->name));
	vdev->fops = &video_fops;
	vdev->ioctl_ops = &video_ioctl_ops;
	vdev->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_READWRITE;
	vdev->v4l2_dev = v4l2_dev;
	vdev->release = video_device_release_empty;
}

static int probe_video(struct device *dev)
{
	static struct v4l2_device v4l2_dev;
	static struct video_device vdev;

	video_set_up(&vdev, &v4l2_dev);
	return v4l2_device_register(dev, &v4l2_dev) ?:
	       video_register_device(&vdev, VFL_TYPE_VIDEO, 0);
}

#else /* the User Mode Linux in which two CPUs are measured */
static int probe_video(struct device *dev)
{
	return 0;
}
#endif

#if IS_ENABLED(CONFIG_VIDEO_DEV) && defined(CONFIG_CDEVM)
struct gated_video {
	struct cdevm_scope	scope;
	struct v4l2_device	v4l2_dev;
	struct video_device	vdev;
};

static int probe_gated_video(struct device *dev)
{
	struct gated_video *video = devm_cdevm_alloc(dev, struct gated_video, scope);

	if (IS_ERR(video))
		return PTR_ERR(video);
	video_set_up(&video->vdev, &video->v4l2_dev);
	return cdevm_v4l2_device_register(&video->scope, dev, &video->v4l2_dev) ?:
	       cdevm_video_register_device(&video->scope, &video->vdev, VFL_TYPE_VIDEO, 1);
}
#else
static int probe_gated_video(struct device *dev)
{
	return 0;
}
#endif

static int bench_probe(struct platform_device *pdev)
{
	unsigned int i;
	int ret;

	/* The first to be added is the last to be released. */
	ret = devm_add_action(&pdev->dev, released, NULL);
	if (ret)
		return ret;
	for (i = 0; i < plan.resources; i++)
		if (plan.actions ? devm_add_action(&pdev->dev, nothing, NULL) :
				   !devm_kmalloc(&pdev->dev, 16, GFP_KERNEL))
			return -ENOMEM;
	ret = probe_scopes(&pdev->dev, plan.scopes);
	if (ret || !plan.node)
		return ret;

	if (!strcmp(plan.node, "gated"))
		return probe_gated(&pdev->dev);
	if (!strcmp(plan.node, "video"))
		return probe_video(&pdev->dev);
	if (!strcmp(plan.node, "gated-video"))
		return probe_gated_video(&pdev->dev);
	ret = misc_register(&plain_misc);
	if (ret)
		return ret;
	return devm_add_action_or_reset(&pdev->dev, deregister, &plain_misc);
}

static void bench_remove(struct platform_device *pdev)
{
	remove_at = ktime_get_ns();
}

static struct platform_driver bench_driver = {
	.probe = bench_probe,
	.remove = bench_remove,
	.driver.name = "resmgr-bench",
};

/* Bind and unbind; how long the latter took as a whole. */
static u64 bind_unbind(struct device *dev)
{
	u64 begin;

	if (device_attach(dev) != 1)
		return 0;
	begin = ktime_get_ns();
	device_release_driver(dev);
	return ktime_get_ns() - begin;
}

static u64 release_time(struct device *dev, unsigned int resources)
{
	u64 best = U64_MAX;
	int i;

	plan.resources = resources;
	for (i = 0; i < 3; i++) {
		if (!bind_unbind(dev))
			break;
		best = min(best, released_at - remove_at);
	}
	plan.resources = 0;
	return best;
}

/* What it costs at the least: memory on a list, and a lock. */
struct raw {
	struct list_head	entry;
	char			data[16];
};

static u64 raw_time(unsigned int n)
{
	static DEFINE_SPINLOCK(lock);
	struct raw *raw, *older;
	unsigned long flags;
	LIST_HEAD(list);
	unsigned int i;
	u64 begin;

	for (i = 0; i < n; i++) {
		raw = kmalloc(sizeof(*raw), GFP_KERNEL);
		if (!raw)
			break;
		list_add(&raw->entry, &list);
	}
	begin = ktime_get_ns();
	list_for_each_entry_safe(raw, older, &list, entry) {
		spin_lock_irqsave(&lock, flags);
		list_del(&raw->entry);
		spin_unlock_irqrestore(&lock, flags);
		kfree(raw);
	}
	return ktime_get_ns() - begin;
}

static void bench_unbind(struct device *dev)
{
	const unsigned int counts[] = { 10, 100, 1000, 10000, 100000 };
	u64 none = release_time(dev, 0);
	int i;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		report("release_all", SELF, counts[i],
		       release_time(dev, counts[i]) - none, counts[i],
		       "instructions");
		report("release_all", "raw_list", counts[i],
		       raw_time(counts[i]), counts[i], "instructions");
	}

	plan.actions = true;
	report("release_all_actions", SELF, 1000, release_time(dev, 1000) - none,
	       1000, "instructions");
	plan.actions = false;

	plan.resources = 10000;
	report("unbind_resources", SELF, 10000, bind_unbind(dev), 1, "ns");
	plan.resources = 0;
	report("unbind_scopes", SELF, 0, bind_unbind(dev), 1, "ns");
#ifdef CONFIG_CDEVM
	for (i = 1; i <= 1000; i *= 10) {
		plan.scopes = i;
		report("unbind_scopes", SELF, i, bind_unbind(dev), 1, "ns");
	}
	plan.scopes = 0;
#endif
}

/* The grace periods that the peers wait for. */
static struct completion killed;

static void ref_killed(struct percpu_ref *ref)
{
	complete(&killed);
}

static int bench_grace(void)
{
	struct percpu_ref once;
	u64 begin;
	int ret;

	begin = ktime_get_ns();
	synchronize_srcu(&srcu);
	report("grace_period", "srcu", 1, ktime_get_ns() - begin, 1, "ns");

	ret = percpu_ref_init(&once, ref_killed, 0, GFP_KERNEL);
	if (ret)
		return ret;
	init_completion(&killed);
	begin = ktime_get_ns();
	percpu_ref_kill(&once);
	wait_for_completion(&killed);
	report("grace_period", "percpu_ref", 1, ktime_get_ns() - begin, 1, "ns");
	percpu_ref_exit(&once);
	return 0;
}

/* --- two CPUs */

/*
 * A kernel thread on each CPU. They begin together: who is first waits for the
 * other. Each tells how long its own loop took; of two the mean counts, for the
 * last one to finish runs alone for a while.
 */
#define CONTENDED_LOOPS		1000000
#define CONTENDED_ROUNDS	11

struct contender {
	void			(*loop)(unsigned int n);
	atomic_t		*missing;
	u64			took;
	struct completion	done;
};

static int contender(void *data)
{
	struct contender *c = data;
	u64 begin;

	atomic_dec(c->missing);
	while (atomic_read(c->missing))
		cond_resched();
	begin = ktime_get_ns();
	c->loop(CONTENDED_LOOPS);
	c->took = ktime_get_ns() - begin;
	complete(&c->done);
	return 0;
}

static u64 contend(void (*loop)(unsigned int n), int cpus)
{
	struct contender c[2];
	atomic_t missing = ATOMIC_INIT(cpus);
	u64 sum = 0;
	int i;

	for (i = 0; i < cpus; i++) {
		struct task_struct *task;

		c[i].loop = loop;
		c[i].missing = &missing;
		init_completion(&c[i].done);
		task = kthread_create_on_cpu(contender, &c[i], i, "bench/%u");
		/* The other one would wait for ever. */
		if (IS_ERR(task))
			panic("no thread: %ld\n", PTR_ERR(task));
		wake_up_process(task);
	}
	for (i = 0; i < cpus; i++) {
		wait_for_completion(&c[i].done);
		sum += c[i].took;
	}
	return sum / cpus;
}

static int bench_contended(void)
{
	static const struct {
		const char	*variant;
		void		(*loop)(unsigned int n);
	} peers[] = {
		{ "percpu_ref", loop_percpu_ref },
#ifdef CONFIG_CDEVM
		{ SELF, loop_gate },
#endif
		{ "srcu", loop_srcu },
		{ "kernfs_atomic", loop_atomic },
		{ "rwsem", loop_rwsem },
	};
	int round, i, cpus, ret;

	if (num_online_cpus() < 2) {
		pr_err("two CPUs are needed\n");
		return -EINVAL;
	}
	ret = percpu_ref_init(&ref, ref_released, 0, GFP_KERNEL);
	if (ret)
		return ret;
#ifdef CONFIG_CDEVM
	ret = resmgr_gate_init(&gate);
	if (ret)
		return ret;
#endif
	/* In turn, so that what else the machine does meets all of them alike. */
	for (round = 0; round < CONTENDED_ROUNDS; round++)
		for (i = 0; i < ARRAY_SIZE(peers); i++)
			for (cpus = 1; cpus <= 2; cpus++)
				report(cpus == 1 ? "contended_1_cpu" :
						   "contended_2_cpus",
				       peers[i].variant, CONTENDED_LOOPS,
				       contend(peers[i].loop, cpus),
				       CONTENDED_LOOPS, "ns");
	return 0;
}

/* --- all of it, when the module is loaded; the nodes stay for user space */

static int __init bench_init(void)
{
	/* Devices resmgr-bench.1 and so on. */
	static const char *const nodes[] = { "plain", "gated", "video", "gated-video" };
	struct platform_device *pdev;
	int ret, i;

	if (contended)
		return bench_contended();

	ret = platform_driver_register(&bench_driver);
	if (ret)
		return ret;
	pdev = platform_device_register_simple("resmgr-bench", 0, NULL, 0);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	dev = &pdev->dev;

	ret = bench_loops();
	if (ret)
		return ret;
	bench_bytes();
	ret = bench_grace();
	if (ret)
		return ret;
	device_release_driver(dev);
	bench_unbind(dev);

	ret = misc_register(&locked_misc);
	if (ret)
		return ret;
	debugfs_create_file("bdebug", 0600, NULL, NULL, &plain_fops);
	for (i = 0; i < ARRAY_SIZE(nodes); i++) {
		plan.node = nodes[i];
		pdev = platform_device_register_simple("resmgr-bench", i + 1, NULL, 0);
		if (IS_ERR(pdev))
			return PTR_ERR(pdev);
	}
	plan.node = NULL;
	return 0;
}
module_init(bench_init);

/* Not removed again: the machine is turned off when the last number is out. */
MODULE_DESCRIPTION("Benchmarks of the resource manager and of its peers");
MODULE_LICENSE("GPL");
