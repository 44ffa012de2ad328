// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of cdevm: scopes, nodes, file operations and trace events
 *
 * A platform driver is really bound to a platform device and unbound from it.
 * Each test chooses what its probe does. Nodes are opened through the VFS, on a
 * file system that only the test knows. Each event leaves a note, and the tests
 * compare the notes with the expected ones.
 */
#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/cdev.h>
#include <linux/cdevm.h>
#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/platform_device.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <trace/events/cdevm.h>

#include "cdevm_kunit.h"
#include "../resmgr_kunit.h"

#define NAME		"cdevm-kunit"
#define MISC_NAME	NAME "-misc"
#define MINORS		4
#define SCOPES		128
/* Kobjects may live for some seconds more, with DEBUG_KOBJECT_RELEASE. */
#define PATIENCE	(30 * HZ)

struct scene;

/* A driver's private struct. */
struct gadget {
	struct cdevm_scope	scope;
	struct cdev		a, b;
	struct miscdevice	misc;
	struct device		device;
	wait_queue_head_t	wait;
	/* What the driver has it for is none of the test's business. */
	struct mutex		lock;
	bool			ready;
};

struct scene {
	struct kunit		*test;
	struct platform_driver	driver;
	char			name[32];
	struct platform_device	*pdev;
	/* What probe does, what it has returned, and what ->remove() does. */
	int			(*probe)(struct device *dev);
	int			probed;
	void			(*remove)(struct device *dev);
	dev_t			devt;
	struct vfsmount		*mnt;
	/* Scopes in the order in which they were made; the first is number 1. */
	struct cdevm_scope	*scopes[SCOPES];
	unsigned int		nr_scopes;
	atomic_t		freed;
	wait_queue_head_t	wait;
	/* Which allocation of probe is to fail, and whether it has. */
	unsigned int		nth;
	bool			fired;
	/* For the file operations. */
	int			open_ret;
	struct completion	inside, leave;
	struct probe		probes[12];
};

/* Suites run one after the other. */
static struct scene *scene;

static void expect_before(struct kunit *test, const char *first,
			  const char *second)
{
	int i = note_find(first), j = note_find(second);

	KUNIT_EXPECT_GE_MSG(test, i, 0, "no '%s'", first);
	KUNIT_EXPECT_GE_MSG(test, j, 0, "no '%s'", second);
	KUNIT_EXPECT_LT_MSG(test, i, j, "'%s' is not before '%s'", first, second);
}

static int scope_number(const struct cdevm_scope *scope)
{
	int i;

	/* An address may be used again. */
	for (i = scene->nr_scopes; i; i--)
		if (scene->scopes[i - 1] == scope)
			break;
	return i;
}

static void scope_kick(struct cdevm_scope *scope)
{
	KUNIT_EXPECT_TRUE(scene->test, cdevm_is_revoked(scope));
	note("kick %d", scope_number(scope));
}

static void scope_released(struct cdevm_scope *scope)
{
	KUNIT_EXPECT_TRUE(scene->test, resmgr_empty(cdevm_mgr(scope)));
	note("released %d", scope_number(scope));
	atomic_inc(&scene->freed);
	wake_up(&scene->wait);
}

static const struct cdevm_ops scope_ops = {
	.kick		= scope_kick,
	.released	= scope_released,
};

/* Every scope has these callbacks, so that its end is known. */
static void know_scope(struct cdevm_scope *scope)
{
	cdevm_set_ops(scope, &scope_ops);
	if (scene->nr_scopes < ARRAY_SIZE(scene->scopes))
		scene->scopes[scene->nr_scopes++] = scope;
}

static bool wait_freed(int count)
{
	return wait_event_timeout(scene->wait,
				  atomic_read(&scene->freed) >= count, PATIENCE);
}

/*
 * A call that is let in by mistake leaves again: a drain would wait for ever.
 */
static bool scope_refuses(struct cdevm_scope *scope)
{
	if (!cdevm_enter(scope))
		return true;
	cdevm_exit(scope);
	return false;
}

static int scene_probe(struct platform_device *pdev)
{
	scene->probed = scene->probe ? scene->probe(&pdev->dev) : -ENODEV;
	return scene->probed;
}

static void scene_remove(struct platform_device *pdev)
{
	if (scene->remove)
		scene->remove(&pdev->dev);
	else
		note("remove");
}

static void bind(int (*probe)(struct device *dev))
{
	struct kunit *test = scene->test;

	scene->probe = probe;
	KUNIT_EXPECT_EQ(test, device_attach(&scene->pdev->dev), 1);
	KUNIT_ASSERT_EQ(test, scene->probed, 0);
	KUNIT_ASSERT_NOT_NULL(test, scene->pdev->dev.driver);
}

static void unbind(void)
{
	device_release_driver(&scene->pdev->dev);
	KUNIT_EXPECT_NULL(scene->test, scene->pdev->dev.driver);
}

static int scene_init(struct kunit *test)
{
	struct scene *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	static unsigned int nr;
	int ret;

	if (!s)
		return -ENOMEM;
	s->test = test;
	notes_clear();
	init_waitqueue_head(&s->wait);
	init_completion(&s->inside);
	init_completion(&s->leave);
	scene = s;

	ret = nodes_begin(&s->mnt, &s->devt, MINORS, NAME);
	if (ret)
		goto err_scene;
	s->driver.probe = scene_probe;
	s->driver.remove = scene_remove;
	/* A name of its own, since that of the last one may still be there. */
	snprintf(s->name, sizeof(s->name), NAME "-%u", nr++);
	s->driver.driver.name = s->name;
	ret = platform_driver_register(&s->driver);
	if (ret)
		goto err_nodes;
	s->pdev = platform_device_register_simple(s->name, PLATFORM_DEVID_NONE,
						  NULL, 0);
	if (IS_ERR(s->pdev)) {
		ret = PTR_ERR(s->pdev);
		goto err_driver;
	}
	test->priv = s;
	return 0;

err_driver:
	platform_driver_unregister(&s->driver);
err_nodes:
	nodes_end(s->mnt, s->devt, MINORS);
err_scene:
	scene = NULL;
	return ret;
}

static void scene_exit(struct kunit *test)
{
	struct scene *s = test->priv;
	int i;

	if (!s)
		return;
	platform_device_unregister(s->pdev);
	platform_driver_unregister(&s->driver);
	/* Each scope that was made has gone: nothing is left over. */
	KUNIT_EXPECT_TRUE(test, wait_freed(s->nr_scopes));
	KUNIT_EXPECT_EQ(test, atomic_read(&s->freed), s->nr_scopes);
	for (i = 0; i < ARRAY_SIZE(s->probes); i++)
		probe_unregister(&s->probes[i]);
	nodes_end(s->mnt, s->devt, MINORS);
	scene = NULL;
}

/* Files: opened by device number, through one inode for each. */
static long ioctl_file(struct file *file, unsigned int cmd, unsigned long arg)
{
	return file->f_op->unlocked_ioctl(file, cmd, arg);
}

static struct file *open_minor(unsigned int minor)
{
	return node_file(scene->mnt, scene->devt + minor);
}

static struct file *open_misc(const struct miscdevice *misc)
{
	return node_file(scene->mnt, MKDEV(MISC_MAJOR, misc->minor));
}

/* As a plain number, which can be printed. */
#define POLLED(mask)	((__force unsigned int)(mask))
#define POLLED_GONE	POLLED(EPOLLHUP | EPOLLERR)

static unsigned int poll_file(struct file *file, poll_table *table)
{
	return POLLED(vfs_poll(file, table));
}

/* The driver's file operations. */
static int gadget_open(struct inode *inode, struct file *file)
{
	note("open");
	return scene->open_ret;
}

static int gadget_release(struct inode *inode, struct file *file)
{
	note("close");
	return 0;
}

static ssize_t gadget_read(struct file *file, char __user *buf, size_t len,
			   loff_t *pos)
{
	note("read");
	return len + *pos;
}

static ssize_t gadget_write(struct file *file, const char __user *buf,
			    size_t len, loff_t *pos)
{
	note("write");
	return len + *pos + 1;
}

static ssize_t gadget_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	note("read_iter");
	return iov_iter_count(to);
}

static ssize_t gadget_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	note("write_iter");
	return iov_iter_count(from) + 1;
}

static long gadget_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	note("ioctl");
	return cmd + arg;
}

static long gadget_compat_ioctl(struct file *file, unsigned int cmd,
				unsigned long arg)
{
	note("compat_ioctl");
	return cmd - arg;
}

static __poll_t gadget_poll(struct file *file, struct poll_table_struct *table)
{
	note("poll");
	return EPOLLIN;
}

static loff_t gadget_llseek(struct file *file, loff_t offset, int whence)
{
	return 0;
}

static int gadget_fasync(int fd, struct file *file, int on)
{
	return 0;
}

static int gadget_mmap(struct file *file, struct vm_area_struct *vma)
{
	return -ENODEV;
}

static int gadget_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return 0;
}

static int gadget_flush(struct file *file, fl_owner_t id)
{
	return 0;
}

static const struct file_operations gadget_fops = {
	.owner		= THIS_MODULE,
	.open		= gadget_open,
	.release	= gadget_release,
	.read		= gadget_read,
	.write		= gadget_write,
	.unlocked_ioctl	= gadget_ioctl,
	.compat_ioctl	= gadget_compat_ioctl,
	.poll		= gadget_poll,
};

static struct gadget *new_gadget(struct device *dev)
{
	struct gadget *g = devm_cdevm_alloc(dev, struct gadget, scope);

	if (IS_ERR(g))
		return g;
	know_scope(&g->scope);
	init_waitqueue_head(&g->wait);
	g->misc.name = MISC_NAME;
	g->misc.minor = MISC_DYNAMIC_MINOR;
	g->misc.fops = &gadget_fops;
	cdev_init(&g->a, &gadget_fops);
	cdev_init(&g->b, &gadget_fops);
	platform_set_drvdata(to_platform_device(dev), g);
	return g;
}

static struct gadget *the_gadget(void)
{
	return platform_get_drvdata(scene->pdev);
}

static int publish_all(struct gadget *g)
{
	return cdevm_add_cdev(&g->scope, &g->a, scene->devt, 1) ?:
	       cdevm_add_cdev(&g->scope, &g->b, scene->devt + 1, 1) ?:
	       cdevm_register_misc(&g->scope, &g->misc);
}

/* Only memory and actions. */
static int probe_quiet(struct device *dev)
{
	struct gadget *g = new_gadget(dev);

	return PTR_ERR_OR_ZERO(g);
}

/* Two cdevs and a misc device, with resources before and after. */
static int probe_full(struct device *dev)
{
	struct gadget *g = new_gadget(dev);

	if (IS_ERR(g))
		return PTR_ERR(g);
	return cdevm_add_action(&g->scope, note_action, "cdevm 1") ?:
	       devm_add_action(dev, note_action, "devm 1") ?:
	       publish_all(g) ?:
	       cdevm_add_action(&g->scope, note_action, "cdevm 2") ?:
	       devm_add_action(dev, note_action, "devm 2");
}

/*
 * cdevm-scope
 */
static void scope_of_a_binding(struct kunit *test)
{
	struct gadget *g;

	bind(probe_quiet);
	g = the_gadget();
	KUNIT_EXPECT_FALSE(test, cdevm_is_revoked(&g->scope));
	KUNIT_EXPECT_EQ(test, refcount_read(&g->scope.obj.ref), 1);
	/* Zeroed, but for what has been set. */
	KUNIT_EXPECT_NULL(test, memchr_inv(&g->device, 0, sizeof(g->device)));
	KUNIT_EXPECT_EQ(test, cdevm_add_action(&g->scope, note_action, "first"), 0);
	KUNIT_EXPECT_EQ(test, cdevm_add_action(&g->scope, note_action, "second"), 0);
	EXPECT_NO_NOTES(test);

	unbind();
	EXPECT_NOTES(test, "kick 1", "remove", "second", "first", "released 1");
}

static void scope_again_and_again(struct kunit *test)
{
	int i;

	for (i = 0; i < 3; i++) {
		bind(probe_quiet);
		unbind();
	}
	EXPECT_NOTES(test, "kick 1", "remove", "released 1",
		     "kick 2", "remove", "released 2",
		     "kick 3", "remove", "released 3");
}

static void scope_held(struct kunit *test)
{
	struct gadget *g;

	bind(probe_quiet);
	g = the_gadget();
	cdevm_get(&g->scope);
	cdevm_get(&g->scope);
	KUNIT_EXPECT_EQ(test, cdevm_add_action(&g->scope, note_action, "gone"), 0);

	unbind();
	EXPECT_NOTES(test, "kick 1", "remove");
	KUNIT_EXPECT_TRUE(test, cdevm_is_revoked(&g->scope));
	KUNIT_EXPECT_TRUE(test, scope_refuses(&g->scope));
	/* Memory can still be had: who has a reference may need it. */
	KUNIT_EXPECT_NOT_NULL(test, cdevm_kzalloc(&g->scope, 8, GFP_KERNEL));

	cdevm_put(&g->scope);
	EXPECT_NO_NOTES(test);
	cdevm_put(&g->scope);
	EXPECT_NOTES(test, "gone", "released 1");
}

static int probe_bare(struct device *dev)
{
	struct cdevm_scope *scope = devm_cdevm_create(dev);

	if (IS_ERR(scope))
		return PTR_ERR(scope);
	know_scope(scope);
	return cdevm_add_action(scope, note_action, "gone");
}

static void scope_bare(struct kunit *test)
{
	bind(probe_bare);
	unbind();
	EXPECT_NOTES(test, "kick 1", "remove", "gone", "released 1");
}

static int probe_without_ops(struct device *dev)
{
	struct cdevm_scope *scope = devm_cdevm_create(dev);

	return IS_ERR(scope) ? PTR_ERR(scope) :
	       cdevm_add_action(scope, note_action, "gone");
}

static void scope_without_ops(struct kunit *test)
{
	bind(probe_without_ops);
	unbind();
	EXPECT_NOTES(test, "remove", "gone");
}

static void remove_gadget(struct device *dev)
{
	struct gadget *g = dev_get_drvdata(dev);
	struct kunit *test = scene->test;

	/* Nobody is inside, nobody can come, and everything is there. */
	KUNIT_EXPECT_TRUE(test, cdevm_is_revoked(&g->scope));
	KUNIT_EXPECT_TRUE(test, scope_refuses(&g->scope));
	KUNIT_EXPECT_TRUE(test, resmgr_gate_drain(&g->scope.gate, 0));
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&g->scope.steps[CDEVM_STEP_UNPUBLISH]));
	KUNIT_EXPECT_PTR_EQ(test, g->misc.fops, &gadget_fops);
	note("remove");
}

static void scope_at_remove(struct kunit *test)
{
	scene->remove = remove_gadget;
	bind(probe_full);
	unbind();
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	EXPECT_NOTES(test, "kick 1", "remove", "devm 2", "devm 1", "cdevm 2",
		     "cdevm 1", "released 1");
}

static void kick_looks_at_all(struct cdevm_scope *scope)
{
	int i;

	for (i = 0; i < scene->nr_scopes; i++)
		KUNIT_EXPECT_TRUE(scene->test, cdevm_is_revoked(scene->scopes[i]));
	note("kick %d", scope_number(scope));
}

static const struct cdevm_ops looking_ops = {
	.kick		= kick_looks_at_all,
	.released	= scope_released,
};

static int probe_two(struct device *dev)
{
	struct cdevm_scope *scope;
	int i;

	for (i = 0; i < 2; i++) {
		scope = devm_cdevm_create(dev);
		if (IS_ERR(scope))
			return PTR_ERR(scope);
		know_scope(scope);
		cdevm_set_ops(scope, &looking_ops);
	}
	return 0;
}

static void scope_two_of_a_device(struct kunit *test)
{
	bind(probe_two);
	unbind();
	EXPECT_NOTES(test, "kick 2", "kick 1", "remove", "released 2",
		     "released 1");
}

static int probe_that_fails(struct device *dev)
{
	int ret = probe_full(dev);

	if (ret)
		return ret;
	cdevm_get(&the_gadget()->scope);
	return -EIO;
}

static void scope_of_failed_probe(struct kunit *test)
{
	struct cdevm_scope *scope;

	scene->probe = probe_that_fails;
	KUNIT_EXPECT_NE(test, device_attach(&scene->pdev->dev), 1);
	KUNIT_EXPECT_EQ(test, scene->probed, -EIO);
	KUNIT_EXPECT_NULL(test, scene->pdev->dev.driver);

	/* All the same steps, but for ->remove(). */
	EXPECT_NOTES(test, "kick 1", "devm 2", "devm 1");
	KUNIT_ASSERT_EQ(test, scene->nr_scopes, 1);
	scope = scene->scopes[0];
	KUNIT_EXPECT_TRUE(test, scope_refuses(scope));
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&scope->steps[CDEVM_STEP_UNPUBLISH]));
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(open_minor(0)), -ENXIO);
	cdevm_put(scope);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	EXPECT_NOTES(test, "cdevm 2", "cdevm 1", "released 1");

	/* The device is as good as before. */
	bind(probe_quiet);
	unbind();
}

static int probe_with_group(struct device *dev)
{
	struct gadget *g;
	void *id = devres_open_group(dev, NULL, GFP_KERNEL);
	int ret;

	if (!id)
		return -ENOMEM;
	g = new_gadget(dev);
	if (IS_ERR(g))
		return PTR_ERR(g);
	ret = publish_all(g);
	if (ret)
		return ret;
	devres_release_group(dev, id);
	note("group released");
	g = new_gadget(dev);
	return IS_ERR(g) ? PTR_ERR(g) : publish_all(g);
}

static void scope_in_group(struct kunit *test)
{
	bind(probe_with_group);
	expect_before(test, "kick 1", "group released");
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	KUNIT_EXPECT_LT(test, note_find("kick 2"), 0);
	unbind();
	KUNIT_EXPECT_TRUE(test, wait_freed(2));
	expect_before(test, "kick 2", "remove");
	expect_before(test, "remove", "released 2");
}

static void scope_of_kunit_device(struct kunit *test)
{
	struct device *dev = kunit_device_register(test, "device");
	struct cdevm_scope *scope;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	device_lock(dev);
	scope = devm_cdevm_create(dev);
	device_unlock(dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, scope);
	know_scope(scope);
	KUNIT_EXPECT_EQ(test, cdevm_add_action(scope, note_action, "gone"), 0);
	kunit_device_unregister(test, dev);
	EXPECT_NOTES(test, "kick 1", "gone", "released 1");
}

static void device_freed(struct device *dev)
{
	kfree(dev);
}

static void scope_of_unregistered_device(struct kunit *test)
{
	struct device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	struct cdevm_scope *scope;

	KUNIT_ASSERT_NOT_NULL(test, dev);
	device_initialize(dev);
	dev->release = device_freed;
	dev_set_name(dev, "unregistered");
	scope = devm_cdevm_create(dev);
	KUNIT_EXPECT_PTR_EQ(test, scope, ERR_PTR(-ENODEV));
	put_device(dev);
}

/*
 * Bind again and again, with one more allocation that works each time, until
 * there is none that fails. An allocation may fail without harm.
 */
static void bind_with_failures(struct kunit *test, int (*probe)(struct device *dev),
			       unsigned int enough)
{
	unsigned int failures = 0;

	for (scene->nth = 1; scene->nth < SCOPES / 2; scene->nth++) {
		scene->probe = probe;
		scene->fired = false;
		if (device_attach(&scene->pdev->dev) == 1) {
			unbind();
		} else {
			failures++;
			KUNIT_EXPECT_EQ(test, scene->probed, -ENOMEM);
			KUNIT_EXPECT_TRUE(test, scene->fired);
			KUNIT_EXPECT_NULL(test, scene->pdev->dev.driver);
		}
		if (!scene->fired)
			break;
	}
	KUNIT_EXPECT_FALSE(test, scene->fired);
	KUNIT_EXPECT_GE(test, failures, enough);
	KUNIT_EXPECT_TRUE(test, wait_freed(scene->nr_scopes));
}

static int probe_faulty_alloc(struct device *dev)
{
	struct gadget *g;

	faults_arm(scene->nth);
	g = devm_cdevm_alloc(dev, struct gadget, scope);
	scene->fired = faults_disarm();
	if (IS_ERR(g))
		return PTR_ERR(g);
	know_scope(&g->scope);
	return 0;
}

static void scope_failed_allocation(struct kunit *test)
{
	faults_need(test);
	/* The memory, the name. That of the gate is per-CPU. */
	bind_with_failures(test, probe_faulty_alloc, 2);
	notes_clear();
	bind(probe_full);
	unbind();
	KUNIT_EXPECT_TRUE(test, wait_freed(scene->nr_scopes));
}

/* A failure is no reason not to try again, in the same probe. */
static int probe_faulty_retry(struct device *dev)
{
	struct gadget *g;

	faults_arm(scene->nth);
	g = devm_cdevm_alloc(dev, struct gadget, scope);
	scene->fired = faults_disarm();
	if (!IS_ERR(g))
		know_scope(&g->scope);
	g = new_gadget(dev);
	return PTR_ERR_OR_ZERO(g);
}

static void scope_retried_allocation(struct kunit *test)
{
	faults_need(test);
	bind_with_failures(test, probe_faulty_retry, 0);
}

static void scope_enter(struct kunit *test)
{
	struct gadget *g;
	int i, times = 0;

	bind(probe_quiet);
	g = the_gadget();
	cdevm_get(&g->scope);

	KUNIT_EXPECT_TRUE(test, cdevm_enter(&g->scope));
	KUNIT_EXPECT_TRUE(test, cdevm_enter(&g->scope));
	cdevm_exit(&g->scope);
	cdevm_exit(&g->scope);

	cdevm_scoped_enter(&g->scope)
		times++;
	KUNIT_EXPECT_EQ(test, times, 1);
	/* However it is left: unbinding below would wait for ever. */
	for (i = 0; i < 3; i++) {
		cdevm_scoped_enter(&g->scope) {
			if (i == 0)
				break;
			if (i == 1)
				continue;
			goto out;
		}
		times++;
	}
out:
	KUNIT_EXPECT_EQ(test, i, 2);
	KUNIT_EXPECT_EQ(test, times, 3);

	unbind();
	KUNIT_EXPECT_TRUE(test, scope_refuses(&g->scope));
	cdevm_scoped_enter(&g->scope)
		times++;
	KUNIT_EXPECT_EQ(test, times, 3);
	cdevm_put(&g->scope);
}

struct sleeper {
	struct gadget		*g;
	struct completion	inside, done;
	bool			with_timeout;
	long			ret;
};

static int sleeper_main(void *data)
{
	struct sleeper *s = data;
	struct gadget *g = s->g;

	if (!cdevm_enter(&g->scope)) {
		s->ret = -ENXIO;
		complete(&s->inside);
		complete(&s->done);
		return 0;
	}
	complete(&s->inside);
	if (s->with_timeout)
		s->ret = cdevm_wait_event_interruptible_timeout(&g->scope, g->wait,
								g->ready, PATIENCE);
	else
		s->ret = cdevm_wait_event_interruptible(&g->scope, g->wait,
							g->ready);
	note(s->with_timeout ? "timed awake" : "plain awake");
	cdevm_exit(&g->scope);
	complete(&s->done);
	return 0;
}

static struct sleeper *new_sleeper(struct kunit *test, struct gadget *g,
				   bool with_timeout)
{
	struct sleeper *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->g = g;
	s->with_timeout = with_timeout;
	s->ret = -EBUSY;
	init_completion(&s->inside);
	init_completion(&s->done);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(sleeper_main, s, "sleeper"));
	wait_for_completion(&s->inside);
	/* It is about to sleep, or does already. */
	usleep_range(1000, 2000);
	KUNIT_EXPECT_FALSE(test, completion_done(&s->done));
	return s;
}

static void scope_wait_ends_at_unbind(struct kunit *test)
{
	struct sleeper *plain, *timed;

	bind(probe_quiet);
	plain = new_sleeper(test, the_gadget(), false);
	timed = new_sleeper(test, the_gadget(), true);
	unbind();
	wait_for_completion(&plain->done);
	wait_for_completion(&timed->done);
	KUNIT_EXPECT_EQ(test, plain->ret, -ENODEV);
	KUNIT_EXPECT_EQ(test, timed->ret, -ENODEV);
	/* The revoke wakes them: on another CPU they may be ahead of the kick. */
	expect_before(test, "plain awake", "remove");
	expect_before(test, "timed awake", "remove");
	expect_before(test, "kick 1", "remove");
	expect_before(test, "remove", "released 1");
	KUNIT_EXPECT_EQ(test, notes.count, 5);
}

static void scope_wait_ends_with_condition(struct kunit *test)
{
	struct sleeper *plain, *timed;
	struct gadget *g;

	bind(probe_quiet);
	g = the_gadget();
	plain = new_sleeper(test, g, false);
	timed = new_sleeper(test, g, true);
	/* A wakeup alone does not end it. */
	wake_up(&g->wait);
	usleep_range(1000, 2000);
	KUNIT_EXPECT_FALSE(test, completion_done(&plain->done));
	g->ready = true;
	wake_up_all(&g->wait);
	wait_for_completion(&plain->done);
	wait_for_completion(&timed->done);
	KUNIT_EXPECT_EQ(test, plain->ret, 0);
	KUNIT_EXPECT_GE(test, timed->ret, 1);
	KUNIT_EXPECT_FALSE(test, wq_has_sleeper(&g->scope.gone));
	unbind();
}

static void scope_wait_at_once(struct kunit *test)
{
	struct gadget *g;

	bind(probe_quiet);
	g = the_gadget();
	cdevm_get(&g->scope);
	KUNIT_EXPECT_EQ(test, cdevm_wait_event_interruptible_timeout(&g->scope,
								     g->wait,
								     g->ready, 2),
			0);
	g->ready = true;
	KUNIT_EXPECT_EQ(test, cdevm_wait_event_interruptible(&g->scope, g->wait,
							     g->ready), 0);
	unbind();
	/* Whatever the condition says. */
	KUNIT_EXPECT_EQ(test, cdevm_wait_event_interruptible(&g->scope, g->wait,
							     g->ready), -ENODEV);
	KUNIT_EXPECT_EQ(test, cdevm_wait_event_interruptible_timeout(&g->scope,
								     g->wait,
								     false, HZ),
			-ENODEV);
	cdevm_put(&g->scope);
}

struct job {
	struct work_struct	work;
	struct cdevm_scope	*scope;
	bool			entered;
	bool			ran;
};

static void job_run(struct work_struct *work)
{
	struct job *job = container_of(work, struct job, work);

	job->ran = true;
	job->entered = cdevm_enter(job->scope);
	if (job->entered)
		cdevm_exit(job->scope);
}

static void scope_helpers(struct kunit *test)
{
	struct workqueue_struct *wq;
	struct gadget *g;
	struct job job = { };

	bind(probe_quiet);
	g = the_gadget();
	cdevm_get(&g->scope);
	KUNIT_EXPECT_EQ(test, cdevm_mutex_init(&g->scope, &g->lock), 0);
	mutex_lock(&g->lock);
	mutex_unlock(&g->lock);
	wq = cdevm_alloc_workqueue(&g->scope, "%s-%d", WQ_UNBOUND, 1, NAME, 1);
	KUNIT_EXPECT_NOT_NULL(test, wq);
	if (wq) {
		job.scope = &g->scope;
		INIT_WORK_ONSTACK(&job.work, job_run);
		queue_work(wq, &job.work);
		flush_workqueue(wq);
		KUNIT_EXPECT_TRUE(test, job.ran && job.entered);
	}

	/* The workqueue outlives the device. The gate is closed by then. */
	unbind();
	if (wq) {
		job.ran = false;
		queue_work(wq, &job.work);
		flush_workqueue(wq);
		KUNIT_EXPECT_TRUE(test, job.ran);
		KUNIT_EXPECT_FALSE(test, job.entered);
		/* What is queued is done before the workqueue goes. */
		job.ran = false;
		queue_work(wq, &job.work);
	}
	cdevm_put(&g->scope);
	if (wq) {
		KUNIT_EXPECT_TRUE(test, job.ran);
		destroy_work_on_stack(&job.work);
	}
	EXPECT_NOTES(test, "kick 1", "remove", "released 1");
}

static void scope_memory(struct kunit *test)
{
	struct cdevm_scope *s;
	unsigned long addr;
	void *p;

	bind(probe_bare);
	s = scene->scopes[0];
	KUNIT_EXPECT_NOT_NULL(test, cdevm_kmalloc(s, 8, GFP_KERNEL));
	KUNIT_EXPECT_NOT_NULL(test, cdevm_kzalloc(s, 8, GFP_KERNEL));
	KUNIT_EXPECT_NOT_NULL(test, cdevm_kmalloc_array(s, 8, 8, GFP_KERNEL));
	p = cdevm_kcalloc(s, 8, 8, GFP_KERNEL);
	p = cdevm_krealloc(s, p, 640, GFP_KERNEL);
	p = cdevm_krealloc_array(s, p, 64, 64, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, cdevm_kfree(s, p), 0);
	KUNIT_EXPECT_NOT_NULL(test, cdevm_kmemdup(s, "ab", 2, GFP_KERNEL));
	KUNIT_EXPECT_NOT_NULL(test, cdevm_kmemdup_array(s, "abcd", 2, 2, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, cdevm_kmemdup_array(s, "ab", SIZE_MAX, 2, GFP_KERNEL));
	KUNIT_EXPECT_STREQ(test, cdevm_kstrdup(s, "ab", GFP_KERNEL), "ab");
	KUNIT_EXPECT_STREQ(test, cdevm_kstrdup_const(s, "ab", GFP_KERNEL), "ab");
	KUNIT_EXPECT_STREQ(test, cdevm_kasprintf(s, GFP_KERNEL, "%d", 7), "7");
	p = (__force void *)cdevm_alloc_percpu(s, int);
	KUNIT_EXPECT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, cdevm_free_percpu(s, (__force void __percpu *)p), 0);
	KUNIT_EXPECT_NOT_NULL(test, (__force void *)cdevm_alloc_percpu(s, int));
	addr = cdevm_get_free_pages(s, GFP_KERNEL, 0);
	KUNIT_EXPECT_NE(test, addr, 0);
	KUNIT_EXPECT_EQ(test, cdevm_free_pages(s, addr), 0);
	KUNIT_EXPECT_NE(test, cdevm_get_free_pages(s, GFP_KERNEL, 0), 0);

	KUNIT_EXPECT_EQ(test, cdevm_add_action_or_reset(s, note_action, "x"), 0);
	KUNIT_EXPECT_EQ(test, cdevm_remove_action(s, note_action, "x"), 0);
	KUNIT_EXPECT_EQ(test, cdevm_add_action(s, note_action, "y"), 0);
	KUNIT_EXPECT_EQ(test, cdevm_release_action(s, note_action, "y"), 0);
	EXPECT_NOTES(test, "y");
	unbind();
	EXPECT_NOTES(test, "kick 1", "remove", "gone", "released 1");
}

static struct kunit_case scope_cases[] = {
	KUNIT_CASE(scope_of_a_binding),
	KUNIT_CASE(scope_again_and_again),
	KUNIT_CASE(scope_held),
	KUNIT_CASE(scope_bare),
	KUNIT_CASE(scope_without_ops),
	KUNIT_CASE(scope_at_remove),
	KUNIT_CASE(scope_two_of_a_device),
	KUNIT_CASE(scope_of_failed_probe),
	KUNIT_CASE(scope_in_group),
	KUNIT_CASE(scope_of_kunit_device),
	KUNIT_CASE(scope_of_unregistered_device),
	KUNIT_CASE(scope_failed_allocation),
	KUNIT_CASE(scope_retried_allocation),
	KUNIT_CASE(scope_enter),
	KUNIT_CASE(scope_wait_ends_at_unbind),
	KUNIT_CASE(scope_wait_ends_with_condition),
	KUNIT_CASE(scope_wait_at_once),
	KUNIT_CASE(scope_helpers),
	KUNIT_CASE(scope_memory),
	{}
};

static struct kunit_suite scope_suite = {
	.name		= "cdevm-scope",
	.init		= scene_init,
	.exit		= scene_exit,
	.test_cases	= scope_cases,
};

/*
 * cdevm-nodes
 */
static struct file *must_open(struct kunit *test, unsigned int minor)
{
	struct file *file = open_minor(minor);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	return file;
}

static struct file *must_open_misc(struct kunit *test, const struct gadget *g)
{
	struct file *file = open_misc(&g->misc);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	return file;
}

/* The order in which the three files are closed; "u" is the unbind. */
static const char * const close_orders[] = {
	"uabm", "uamb", "ubam", "ubma", "umab", "umba",
	"aubm", "muba", "abum", "bmua", "abmu",
};

static void close_order_desc(const char * const *order, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", *order);
}

KUNIT_ARRAY_PARAM(close_order, close_orders, close_order_desc);

static void nodes_live_until_last_close(struct kunit *test)
{
	const char *order = *(const char * const *)test->param_value;
	struct file *a, *b, *misc;
	int i, closed = 0;
	bool bound = true;

	bind(probe_full);
	a = must_open(test, 0);
	b = must_open(test, 1);
	misc = must_open_misc(test, the_gadget());
	EXPECT_NOTES(test, "open", "open", "open");

	for (i = 0; order[i]; i++) {
		KUNIT_EXPECT_EQ(test, atomic_read(&scene->freed), 0);
		KUNIT_EXPECT_LT(test, note_find("cdevm 2"), 0);
		switch (order[i]) {
		case 'u':
			unbind();
			bound = false;
			break;
		case 'a':
			close_file(a);
			closed++;
			break;
		case 'b':
			close_file(b);
			closed++;
			break;
		case 'm':
			close_file(misc);
			closed++;
			break;
		}
	}
	KUNIT_EXPECT_EQ(test, closed, 3);
	KUNIT_EXPECT_FALSE(test, bound);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));

	/* A kick, a remove, two releases of devm and three closes, in any order. */
	KUNIT_EXPECT_EQ(test, notes.count, 10);
	expect_before(test, "kick 1", "remove");
	expect_before(test, "remove", "devm 2");
	expect_before(test, "devm 2", "devm 1");
	expect_before(test, "devm 1", "cdevm 2");
	KUNIT_EXPECT_STREQ(test, note_text(7), "cdevm 2");
	KUNIT_EXPECT_STREQ(test, note_text(8), "cdevm 1");
	KUNIT_EXPECT_STREQ(test, note_text(9), "released 1");
}

static void nodes_are_gone_after_unbind(struct kunit *test)
{
	struct file *file;
	int minor;

	bind(probe_full);
	minor = the_gadget()->misc.minor;
	unbind();
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	file = open_minor(0);
	KUNIT_EXPECT_PTR_EQ(test, file, (struct file *)ERR_PTR(-ENXIO));
	file = open_minor(1);
	KUNIT_EXPECT_PTR_EQ(test, file, (struct file *)ERR_PTR(-ENXIO));
	file = node_file(scene->mnt, MKDEV(MISC_MAJOR, minor));
	KUNIT_EXPECT_PTR_EQ(test, file, (struct file *)ERR_PTR(-ENODEV));
	KUNIT_EXPECT_LT(test, note_find("open"), 0);
}

static void nodes_of_a_held_scope(struct kunit *test)
{
	struct gadget *g;
	struct file *file;

	bind(probe_full);
	g = the_gadget();
	cdevm_get(&g->scope);
	file = must_open(test, 1);
	unbind();
	close_file(file);
	EXPECT_NOTES(test, "open", "kick 1", "remove", "devm 2", "devm 1", "close");
	cdevm_put(&g->scope);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	EXPECT_NOTES(test, "cdevm 2", "cdevm 1", "released 1");
}

/*
 * A file of the old binding is open while the new one comes. Through the same
 * inode the way leads to the old cdev, for as long as that is open.
 */
static void nodes_of_next_binding(struct kunit *test)
{
	struct file *old, *old_misc, *new, *misc;

	bind(probe_full);
	old = must_open(test, 0);
	old_misc = must_open_misc(test, the_gadget());
	unbind();
	bind(probe_full);
	notes_clear();

	new = open_minor(0);
	KUNIT_EXPECT_PTR_EQ(test, new, (struct file *)ERR_PTR(-ENODEV));
	EXPECT_NO_NOTES(test);
	KUNIT_EXPECT_EQ(test, poll_file(old, NULL), POLLED_GONE);
	KUNIT_EXPECT_EQ(test, ioctl_file(old, 1, 2), -ENODEV);
	KUNIT_EXPECT_EQ(test, ioctl_file(old_misc, 1, 2), -ENODEV);

	misc = must_open_misc(test, the_gadget());
	KUNIT_EXPECT_EQ(test, ioctl_file(misc, 1, 2), 3);
	new = must_open(test, 1);
	KUNIT_EXPECT_EQ(test, ioctl_file(new, 1, 2), 3);
	EXPECT_NOTES(test, "open", "ioctl", "open", "ioctl");

	close_file(old);
	close_file(old_misc);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	expect_before(test, "cdevm 1", "released 1");
	KUNIT_EXPECT_EQ(test, ioctl_file(new, 1, 2), 3);
	close_file(new);
	new = must_open(test, 0);
	close_file(new);
	unbind();
	close_file(misc);
	KUNIT_EXPECT_TRUE(test, wait_freed(2));
}

static int probe_two_with_nodes(struct device *dev)
{
	struct gadget *g = new_gadget(dev), *other = new_gadget(dev);

	if (IS_ERR(g) || IS_ERR(other))
		return -ENOMEM;
	return cdevm_add_cdev(&g->scope, &g->a, scene->devt, 1) ?:
	       cdevm_add_cdev(&other->scope, &other->a, scene->devt + 1, 1);
}

/* Scopes of one device go by themselves. */
static void nodes_of_two_scopes(struct kunit *test)
{
	struct file *first, *second;

	bind(probe_two_with_nodes);
	first = must_open(test, 0);
	second = must_open(test, 1);
	unbind();
	notes_clear();
	KUNIT_EXPECT_EQ(test, ioctl_file(first, 1, 2), -ENODEV);
	KUNIT_EXPECT_EQ(test, ioctl_file(second, 1, 2), -ENODEV);
	close_file(first);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	EXPECT_NOTES(test, "close", "released 1");
	close_file(second);
	KUNIT_EXPECT_TRUE(test, wait_freed(2));
	EXPECT_NOTES(test, "close", "released 2");
}

static void gadget_device_release(struct device *device)
{
	note("device release");
}

static void gadget_device_init(struct gadget *g)
{
	device_initialize(&g->device);
	g->device.devt = scene->devt + 2;
	g->device.release = gadget_device_release;
	dev_set_name(&g->device, NAME "-device");
}

static int probe_with_device(struct device *dev)
{
	struct gadget *g = new_gadget(dev);

	if (IS_ERR(g))
		return PTR_ERR(g);
	gadget_device_init(g);
	g->device.parent = dev;
	return cdevm_add_cdev_device(&g->scope, &g->a, &g->device);
}

static void nodes_with_device(struct kunit *test)
{
	struct file *file;

	bind(probe_with_device);
	file = must_open(test, 2);
	KUNIT_EXPECT_EQ(test, ioctl_file(file, 1, 2), 3);
	unbind();
	KUNIT_EXPECT_EQ(test, ioctl_file(file, 1, 2), -ENODEV);
	EXPECT_NOTES(test, "open", "ioctl", "kick 1", "remove");
	close_file(file);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	EXPECT_NOTES(test, "close", "device release", "released 1");
}

static void nodes_with_held_device(struct kunit *test)
{
	struct device *device;

	bind(probe_with_device);
	device = get_device(&the_gadget()->device);
	unbind();
	EXPECT_NOTES(test, "kick 1", "remove");
	KUNIT_EXPECT_STREQ(test, dev_name(device), NAME "-device");
	put_device(device);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	EXPECT_NOTES(test, "device release", "released 1");
}

static void nodes_added_too_late(struct kunit *test)
{
	struct gadget *g;

	bind(probe_quiet);
	g = the_gadget();
	cdevm_get(&g->scope);
	unbind();
	EXPECT_NOTES(test, "kick 1", "remove");

	KUNIT_EXPECT_EQ(test, cdevm_add_cdev(&g->scope, &g->a, scene->devt, 1),
			-ENODEV);
	KUNIT_EXPECT_PTR_EQ(test, g->a.ops, &gadget_fops);
	KUNIT_EXPECT_NULL(test, g->a.kobj.parent);
	KUNIT_EXPECT_EQ(test, cdevm_register_misc(&g->scope, &g->misc), -ENODEV);
	KUNIT_EXPECT_PTR_EQ(test, g->misc.fops, &gadget_fops);
	gadget_device_init(g);
	KUNIT_EXPECT_EQ(test, cdevm_add_cdev_device(&g->scope, &g->b, &g->device),
			-ENODEV);
	KUNIT_EXPECT_PTR_EQ(test, g->b.ops, &gadget_fops);
	KUNIT_EXPECT_PTR_EQ(test, open_minor(0), (struct file *)ERR_PTR(-ENXIO));
	KUNIT_EXPECT_PTR_EQ(test, open_minor(2), (struct file *)ERR_PTR(-ENXIO));

	cdevm_put(&g->scope);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	EXPECT_NOTES(test, "device release", "released 1");
}

/* What cannot be published is as it was, and all else goes on. */
static void nodes_refused(struct kunit *test)
{
	struct miscdevice *first, *twin;
	struct gadget *g;
	struct file *file;
	int ret = 0;

	bind(probe_full);
	g = the_gadget();
	twin = cdevm_kzalloc(&g->scope, sizeof(*twin), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, twin);
	/* A fixed minor that no driver of this kernel has, taken by two. */
	first = cdevm_kzalloc(&g->scope, sizeof(*first), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, first);
	first->name = MISC_NAME "-fixed";
	first->minor = MISC_DYNAMIC_MINOR - 1;
	first->fops = &gadget_fops;
	KUNIT_ASSERT_EQ(test, cdevm_register_misc(&g->scope, first), 0);
	twin->name = MISC_NAME "-twin";
	twin->minor = first->minor;
	twin->fops = &gadget_fops;
	KUNIT_EXPECT_EQ(test, cdevm_register_misc(&g->scope, twin), -EBUSY);
	KUNIT_EXPECT_PTR_EQ(test, twin->fops, &gadget_fops);

	twin->minor = MISC_DYNAMIC_MINOR;
	twin->fops = NULL;
	EXPECT_WARNING(test, "has no file operations",
		       ret = cdevm_register_misc(&g->scope, twin));
	KUNIT_EXPECT_EQ(test, ret, -EINVAL);

	file = must_open_misc(test, g);
	close_file(file);
	unbind();
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
}

static void nodes_without_fops(struct kunit *test)
{
	struct gadget *g;
	int ret = 0;

	bind(probe_quiet);
	g = the_gadget();
	g->a.ops = NULL;
	EXPECT_WARNING(test, "has no file operations",
		       ret = cdevm_add_cdev(&g->scope, &g->a, scene->devt, 1));
	KUNIT_EXPECT_EQ(test, ret, -EINVAL);
	KUNIT_EXPECT_NULL(test, g->a.kobj.parent);
	unbind();
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
}

/* A misc device that was published through a scope can be registered again. */
static void nodes_misc_registered_again(struct kunit *test)
{
	static struct miscdevice misc;
	struct gadget *g;
	int i;

	misc = (struct miscdevice){
		.name	= MISC_NAME "-static",
		.minor	= MISC_DYNAMIC_MINOR,
		.fops	= &gadget_fops,
	};
	for (i = 1; i <= 3; i++) {
		bind(probe_quiet);
		g = the_gadget();
		KUNIT_EXPECT_EQ(test, cdevm_register_misc(&g->scope, &misc), 0);
		KUNIT_EXPECT_PTR_NE(test, misc.fops, &gadget_fops);
		unbind();
		KUNIT_EXPECT_PTR_EQ(test, misc.fops, &gadget_fops);
		KUNIT_EXPECT_TRUE(test, wait_freed(i));
	}
}

static int probe_faulty_cdev(struct device *dev)
{
	struct gadget *g = new_gadget(dev);
	int ret;

	if (IS_ERR(g))
		return PTR_ERR(g);
	faults_arm(scene->nth);
	ret = cdevm_add_cdev(&g->scope, &g->a, scene->devt, 1);
	scene->fired = faults_disarm();
	KUNIT_EXPECT_EQ(scene->test, resmgr_empty(&g->scope.steps[CDEVM_STEP_UNPUBLISH]), !!ret);
	if (ret) {
		KUNIT_EXPECT_PTR_EQ(scene->test, g->a.ops, &gadget_fops);
		KUNIT_EXPECT_NULL(scene->test, g->a.kobj.parent);
	}
	return ret;
}

static void nodes_failed_allocation_of_cdev(struct kunit *test)
{
	faults_need(test);
	bind_with_failures(test, probe_faulty_cdev, 2);
}

static int probe_faulty_misc(struct device *dev)
{
	struct gadget *g = new_gadget(dev);
	int ret;

	if (IS_ERR(g))
		return PTR_ERR(g);
	faults_arm(scene->nth);
	ret = cdevm_register_misc(&g->scope, &g->misc);
	scene->fired = faults_disarm();
	KUNIT_EXPECT_EQ(scene->test, resmgr_empty(&g->scope.steps[CDEVM_STEP_UNPUBLISH]), !!ret);
	if (ret)
		KUNIT_EXPECT_PTR_EQ(scene->test, g->misc.fops, &gadget_fops);
	return ret;
}

static void nodes_failed_allocation_of_misc(struct kunit *test)
{
	faults_need(test);
	/* The driver core says what it could not do. */
	pr_info("kunit: expect kobject_add_internal failed\n");
	bind_with_failures(test, probe_faulty_misc, 2);
	pr_info("kunit: expect-end\n");
}

static int probe_faulty_device(struct device *dev)
{
	struct gadget *g = new_gadget(dev);
	int ret;

	if (IS_ERR(g))
		return PTR_ERR(g);
	gadget_device_init(g);
	faults_arm(scene->nth);
	ret = cdevm_add_cdev_device(&g->scope, &g->a, &g->device);
	scene->fired = faults_disarm();
	KUNIT_EXPECT_EQ(scene->test, resmgr_empty(&g->scope.steps[CDEVM_STEP_UNPUBLISH]), !!ret);
	/*
	 * An open() that found it before the device failed must not go round the gate.
	 * Nobody can have found one that cdev_add() was not called for.
	 */
	if (ret)
		KUNIT_EXPECT_EQ(scene->test, g->a.ops != &gadget_fops, !!g->a.count);
	return ret;
}

static void nodes_failed_allocation_of_device(struct kunit *test)
{
	int i, released = 0;

	faults_need(test);
	pr_info("kunit: expect kobject_add_internal failed\n");
	bind_with_failures(test, probe_faulty_device, 2);
	pr_info("kunit: expect-end\n");
	for (i = 0; i < notes.count; i++)
		released += !strcmp(note_text(i), "device release");
	if (notes.count <= ARRAY_SIZE(notes.texts))
		KUNIT_EXPECT_EQ(test, released, scene->nr_scopes);
}

/* Many inodes of one cdev, as mknod makes them. */
static void nodes_with_many_minors(struct kunit *test)
{
	struct file *files[MINORS];
	struct gadget *g;
	int i;

	bind(probe_quiet);
	g = the_gadget();
	KUNIT_ASSERT_EQ(test, cdevm_add_cdev(&g->scope, &g->a, scene->devt, MINORS),
			0);
	for (i = 0; i < MINORS; i++)
		files[i] = must_open(test, i);
	unbind();
	notes_clear();
	for (i = 0; i < MINORS; i++) {
		KUNIT_EXPECT_EQ(test, ioctl_file(files[i], 1, 2), -ENODEV);
		EXPECT_NO_NOTES(test);
		KUNIT_EXPECT_EQ(test, atomic_read(&scene->freed), 0);
		close_file(files[i]);
		notes_clear();
	}
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
}

/* A node that a subsystem makes, with a cdev and a device of its own. */
static int subsystem_ret;

static int subsystem_add(struct cdevm_node *node, void *data)
{
	struct gadget *g = data;
	int ret;

	KUNIT_EXPECT_PTR_EQ(scene->test, cdevm_node_scope(node), &g->scope);
	cdev_init(&g->a, &gadget_fops);
	g->a.owner = THIS_MODULE;
	cdevm_node_wrap(node, &g->a);
	gadget_device_init(g);
	cdevm_node_hold(node, &g->device);
	ret = subsystem_ret ?: cdev_device_add(&g->a, &g->device);
	if (ret)
		put_device(&g->device);
	return ret;
}

static void subsystem_remove(void *data)
{
	struct gadget *g = data;

	note("node removed");
	cdev_device_del(&g->a, &g->device);
	put_device(&g->device);
}

static const struct cdevm_node_type subsystem_type = {
	.name	= "subsystem",
	.fops	= &gadget_fops,
	.add	= subsystem_add,
	.remove	= subsystem_remove,
};

static void nodes_of_subsystem(struct kunit *test)
{
	struct device *device;
	struct gadget *g;
	struct file *file;

	bind(probe_quiet);
	g = the_gadget();
	subsystem_ret = 0;
	KUNIT_ASSERT_EQ(test, cdevm_publish_node(&g->scope, &subsystem_type,
						 "name", g), 0);
	file = must_open(test, 2);
	KUNIT_EXPECT_EQ(test, ioctl_file(file, 1, 2), 3);
	device = get_device(&g->device);
	unbind();
	KUNIT_EXPECT_EQ(test, ioctl_file(file, 1, 2), -ENODEV);
	close_file(file);
	/* The scope is there for as long as the subsystem's device is. */
	EXPECT_NOTES(test, "open", "ioctl", "kick 1", "node removed", "remove",
		     "close");
	KUNIT_EXPECT_TRUE(test, cdevm_is_revoked(&g->scope));
	put_device(device);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	EXPECT_NOTES(test, "device release", "released 1");
	KUNIT_EXPECT_PTR_EQ(test, open_minor(2), (struct file *)ERR_PTR(-ENXIO));
}

static void nodes_of_subsystem_refused(struct kunit *test)
{
	struct gadget *g;

	bind(probe_quiet);
	g = the_gadget();
	subsystem_ret = -EIO;
	KUNIT_EXPECT_EQ(test, cdevm_publish_node(&g->scope, &subsystem_type,
						 "name", g), -EIO);
	KUNIT_EXPECT_PTR_EQ(test, open_minor(2), (struct file *)ERR_PTR(-ENXIO));
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&g->scope.steps[CDEVM_STEP_UNPUBLISH]));
	cdevm_get(&g->scope);
	unbind();
	KUNIT_EXPECT_EQ(test, cdevm_publish_node(&g->scope, &subsystem_type,
						 "name", g), -ENODEV);
	cdevm_put(&g->scope);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	KUNIT_EXPECT_EQ(test, note_find("node removed"), -1);
}

static struct kunit_case nodes_cases[] = {
	KUNIT_CASE_PARAM(nodes_live_until_last_close, close_order_gen_params),
	KUNIT_CASE(nodes_are_gone_after_unbind),
	KUNIT_CASE(nodes_of_a_held_scope),
	KUNIT_CASE(nodes_of_next_binding),
	KUNIT_CASE(nodes_of_two_scopes),
	KUNIT_CASE(nodes_with_device),
	KUNIT_CASE(nodes_with_held_device),
	KUNIT_CASE(nodes_added_too_late),
	KUNIT_CASE(nodes_refused),
	KUNIT_CASE(nodes_without_fops),
	KUNIT_CASE(nodes_misc_registered_again),
	KUNIT_CASE(nodes_failed_allocation_of_cdev),
	KUNIT_CASE(nodes_failed_allocation_of_misc),
	KUNIT_CASE(nodes_failed_allocation_of_device),
	KUNIT_CASE(nodes_with_many_minors),
	KUNIT_CASE(nodes_of_subsystem),
	KUNIT_CASE(nodes_of_subsystem_refused),
	{}
};

static struct kunit_suite nodes_suite = {
	.name		= "cdevm-nodes",
	.init		= scene_init,
	.exit		= scene_exit,
	.test_cases	= nodes_cases,
};

/*
 * cdevm-fops
 */
static const struct file_operations all_fops = {
	.owner		= THIS_MODULE,
	.open		= gadget_open,
	.release	= gadget_release,
	.llseek		= gadget_llseek,
	.read		= gadget_read,
	.write		= gadget_write,
	.read_iter	= gadget_read_iter,
	.write_iter	= gadget_write_iter,
	.unlocked_ioctl	= gadget_ioctl,
	.compat_ioctl	= gadget_compat_ioctl,
	.poll		= gadget_poll,
	.mmap		= gadget_mmap,
	.flush		= gadget_flush,
	.fsync		= gadget_fsync,
	.fasync		= gadget_fasync,
};

/* As real drivers have them: not even an owner. */
static const struct file_operations no_fops = { };

static const struct file_operations iter_fops = {
	.owner		= THIS_MODULE,
	.read_iter	= gadget_read_iter,
	.write_iter	= gadget_write_iter,
};

static const struct file_operations *publish(struct kunit *test,
					     const struct file_operations *fops)
{
	struct gadget *g;

	bind(probe_quiet);
	g = the_gadget();
	g->a.ops = fops;
	KUNIT_ASSERT_EQ(test, cdevm_add_cdev(&g->scope, &g->a, scene->devt, 1), 0);
	KUNIT_ASSERT_PTR_NE(test, g->a.ops, fops);
	return g->a.ops;
}

/* Where a method is. */
#define FOP(method)	offsetof(typeof(no_fops), method)

/* Members that are no call into the driver, or that get no file to find the scope by. */
static bool is_kept(size_t offset)
{
	return offset == FOP(fop_flags) || offset == FOP(check_flags);
}

/* Word by word, so that no method can be forgotten. */
static void expect_wrapped(struct kunit *test, const struct file_operations *fops,
			   const struct file_operations *orig)
{
	unsigned long now, was;
	size_t offset;

	KUNIT_EXPECT_PTR_EQ(test, fops->owner, THIS_MODULE);
	KUNIT_EXPECT_TRUE(test, fops->open && fops->open != orig->open);
	KUNIT_EXPECT_TRUE(test, fops->release && fops->release != orig->release);

	for (offset = 0; offset < sizeof(*fops); offset += sizeof(now)) {
		if (offset == FOP(owner) ||
		    offset == FOP(open) ||
		    offset == FOP(release))
			continue;
		now = *(const unsigned long *)((const void *)fops + offset);
		was = *(const unsigned long *)((const void *)orig + offset);
		/* What the driver lacks, the VFS must see that it lacks. */
		KUNIT_EXPECT_EQ_MSG(test, !now, !was, "at %zu", offset);
		if (was && !is_kept(offset))
			KUNIT_EXPECT_NE_MSG(test, now, was, "at %zu", offset);
		else
			KUNIT_EXPECT_EQ_MSG(test, now, was, "at %zu", offset);
	}
}

static void fops_without_methods(struct kunit *test)
{
	struct file *file;

	expect_wrapped(test, publish(test, &no_fops), &no_fops);
	file = must_open(test, 0);
	unbind();
	close_file(file);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
}

static void fops_with_methods(struct kunit *test)
{
	expect_wrapped(test, publish(test, &all_fops), &all_fops);
	unbind();
}

static void fops_with_some_methods(struct kunit *test)
{
	expect_wrapped(test, publish(test, &iter_fops), &iter_fops);
	unbind();
}

/* A scope of another module, of which nothing is ever called. */
static int probe_of_other_module(struct device *dev)
{
	static struct lock_class_key keys[CDEVM_KEYS];
	struct module *other = (struct module *)0x1000;
	struct gadget *g;

	g = __devm_cdevm_alloc(dev, sizeof(*g), offsetof(struct gadget, scope),
			       other, keys);
	if (IS_ERR(g))
		return PTR_ERR(g);
	know_scope(&g->scope);
	cdev_init(&g->a, &no_fops);
	cdev_init(&g->b, &gadget_fops);
	KUNIT_EXPECT_EQ(scene->test, cdevm_add_cdev(&g->scope, &g->a, scene->devt,
						    1), 0);
	KUNIT_EXPECT_PTR_EQ(scene->test, g->a.ops->owner, other);
	KUNIT_EXPECT_EQ(scene->test, cdevm_add_cdev(&g->scope, &g->b,
						    scene->devt + 1, 1), 0);
	KUNIT_EXPECT_PTR_EQ(scene->test, g->b.ops->owner, other);
	return 0;
}

static void fops_owner(struct kunit *test)
{
	bind(probe_of_other_module);
	unbind();
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
}

static ssize_t iter_call(struct file *file, bool write)
{
	char buf[10];
	struct kvec vec = { .iov_base = buf, .iov_len = sizeof(buf) };
	struct iov_iter iter;
	struct kiocb iocb;

	init_sync_kiocb(&iocb, file);
	iov_iter_kvec(&iter, write ? ITER_SOURCE : ITER_DEST, &vec, 1, sizeof(buf));
	return write ? file->f_op->write_iter(&iocb, &iter) :
		       file->f_op->read_iter(&iocb, &iter);
}

static void fops_calls(struct kunit *test)
{
	const struct file_operations *fops = publish(test, &all_fops);
	struct file *file = must_open(test, 0);
	loff_t pos = 100;

	KUNIT_EXPECT_PTR_EQ(test, file->f_op, fops);
	KUNIT_EXPECT_EQ(test, fops->read(file, NULL, 5, &pos), 105);
	KUNIT_EXPECT_EQ(test, fops->write(file, NULL, 5, &pos), 106);
	KUNIT_EXPECT_EQ(test, iter_call(file, false), 10);
	KUNIT_EXPECT_EQ(test, iter_call(file, true), 11);
	KUNIT_EXPECT_EQ(test, fops->unlocked_ioctl(file, 30, 4), 34);
	KUNIT_EXPECT_EQ(test, fops->compat_ioctl(file, 30, 4), 26);
	KUNIT_EXPECT_EQ(test, poll_file(file, NULL), POLLED(EPOLLIN));
	EXPECT_NOTES(test, "open", "read", "write", "read_iter", "write_iter",
		     "ioctl", "compat_ioctl", "poll");

	unbind();
	EXPECT_NOTES(test, "kick 1", "remove");

	/* Refused, and the driver does not learn of it. */
	KUNIT_EXPECT_EQ(test, fops->read(file, NULL, 5, &pos), -ENODEV);
	KUNIT_EXPECT_EQ(test, fops->write(file, NULL, 5, &pos), -ENODEV);
	KUNIT_EXPECT_EQ(test, iter_call(file, false), -ENODEV);
	KUNIT_EXPECT_EQ(test, iter_call(file, true), -ENODEV);
	KUNIT_EXPECT_EQ(test, fops->unlocked_ioctl(file, 30, 4), -ENODEV);
	KUNIT_EXPECT_EQ(test, fops->compat_ioctl(file, 30, 4), -ENODEV);
	KUNIT_EXPECT_EQ(test, poll_file(file, NULL), POLLED_GONE);
	EXPECT_NO_NOTES(test);

	close_file(file);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	EXPECT_NOTES(test, "close", "released 1");
}

static void fops_through_the_vfs(struct kunit *test)
{
	char buf[7] = "";
	struct file *file;
	loff_t pos = 0;

	publish(test, &iter_fops);
	file = must_open(test, 0);
	KUNIT_EXPECT_EQ(test, kernel_read(file, buf, sizeof(buf), &pos), 7);
	KUNIT_EXPECT_EQ(test, kernel_write(file, buf, sizeof(buf), &pos), 8);
	EXPECT_NOTES(test, "read_iter", "write_iter");
	unbind();
	KUNIT_EXPECT_EQ(test, kernel_read(file, buf, sizeof(buf), &pos), -ENODEV);
	KUNIT_EXPECT_EQ(test, kernel_write(file, buf, sizeof(buf), &pos), -ENODEV);
	EXPECT_NOTES(test, "kick 1", "remove");
	/* No release of the driver's to be called. */
	close_file(file);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	EXPECT_NOTES(test, "released 1");
}

static int late_release(struct inode *inode, struct file *file)
{
	/* The memory is there, whether the hardware is or not. */
	struct gadget *g = container_of(inode->i_cdev, struct gadget, a);

	cdevm_scoped_enter(&g->scope) {
		note("close in time");
		return 0;
	}
	note("close late");
	return -EIO;
}

static const struct file_operations late_fops = {
	.owner		= THIS_MODULE,
	.open		= gadget_open,
	.release	= late_release,
};

static void fops_release(struct kunit *test)
{
	struct file *early, *late[3];
	int i;

	publish(test, &late_fops);
	early = must_open(test, 0);
	for (i = 0; i < ARRAY_SIZE(late); i++)
		late[i] = must_open(test, 0);
	close_file(early);
	EXPECT_NOTES(test, "open", "open", "open", "open", "close in time");
	unbind();
	for (i = 0; i < ARRAY_SIZE(late); i++)
		close_file(late[i]);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	EXPECT_NOTES(test, "kick 1", "remove", "close late", "close late",
		     "close late", "released 1");
}

/* One reference of the binding, one of the cdev. */
#define AT_REST	2

static void fops_open_fails(struct kunit *test)
{
	struct cdevm_scope *scope;
	struct file *file;

	publish(test, &gadget_fops);
	scope = scene->scopes[0];
	KUNIT_EXPECT_EQ(test, refcount_read(&scope->obj.ref), AT_REST);
	scene->open_ret = -EPERM;
	file = open_minor(0);
	KUNIT_EXPECT_PTR_EQ(test, file, (struct file *)ERR_PTR(-EPERM));
	KUNIT_EXPECT_EQ(test, refcount_read(&scope->obj.ref), AT_REST);
	EXPECT_NOTES(test, "open");

	scene->open_ret = 0;
	file = must_open(test, 0);
	KUNIT_EXPECT_EQ(test, refcount_read(&scope->obj.ref), AT_REST + 1);
	close_file(file);
	KUNIT_EXPECT_EQ(test, refcount_read(&scope->obj.ref), AT_REST);
	EXPECT_NOTES(test, "open", "close");
	unbind();
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
}

static void fops_open_after_unbind(struct kunit *test)
{
	struct file *file, *late;
	struct cdevm_scope *scope;
	unsigned int refs;

	publish(test, &gadget_fops);
	scope = scene->scopes[0];
	file = must_open(test, 0);
	unbind();
	notes_clear();
	refs = refcount_read(&scope->obj.ref);

	/* The inode still leads to the cdev. */
	late = open_minor(0);
	KUNIT_EXPECT_PTR_EQ(test, late, (struct file *)ERR_PTR(-ENODEV));
	KUNIT_EXPECT_EQ(test, refcount_read(&scope->obj.ref), refs);
	EXPECT_NO_NOTES(test);
	close_file(file);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	EXPECT_NOTES(test, "close", "released 1");
}

static int replacing_open(struct inode *inode, struct file *file)
{
	note("open");
	replace_fops(file, fops_get(&gadget_fops));
	return 0;
}

static const struct file_operations replacing_fops = {
	.owner		= THIS_MODULE,
	.open		= replacing_open,
	.release	= late_release,
};

/* Calls would go round the gate, so there is no such file. */
static void fops_open_replaces(struct kunit *test)
{
	struct cdevm_scope *scope;
	struct file *file;

	publish(test, &replacing_fops);
	scope = scene->scopes[0];
	EXPECT_WARNING(test, "replaced the file operations", file = open_minor(0));
	KUNIT_EXPECT_PTR_EQ(test, file, (struct file *)ERR_PTR(-EINVAL));
	KUNIT_EXPECT_EQ(test, refcount_read(&scope->obj.ref), AT_REST);
	EXPECT_NOTES(test, "open", "close");
	unbind();
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
}

/* A call that sleeps in the driver, which has to be woken by the driver. */
static long blocking_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	note("ioctl begins");
	complete(&scene->inside);
	wait_for_completion(&scene->leave);
	note("ioctl ends");
	return 5;
}

static const struct file_operations blocking_fops = {
	.owner		= THIS_MODULE,
	.open		= gadget_open,
	.release	= gadget_release,
	.unlocked_ioctl	= blocking_ioctl,
};

static void blocking_kick(struct cdevm_scope *scope)
{
	note("kick");
	complete(&scene->leave);
}

static const struct cdevm_ops blocking_ops = {
	.kick		= blocking_kick,
	.released	= scope_released,
};

struct caller {
	struct file		*file;
	struct completion	done;
	long			ret;
};

static int caller_main(void *data)
{
	struct caller *c = data;

	c->ret = ioctl_file(c->file, 1, 2);
	complete(&c->done);
	return 0;
}

static int closer_main(void *data)
{
	struct caller *c = data;

	close_file(c->file);
	complete(&c->done);
	return 0;
}

/* Start a thread that runs @call, and wait until it is inside. */
static struct caller *start_caller(struct kunit *test, int (*call)(void *caller))
{
	struct caller *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, c);
	init_completion(&c->done);
	c->file = must_open(test, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(call, c, "caller"));
	wait_for_completion(&scene->inside);
	return c;
}

static void fops_unbind_waits_for_call(struct kunit *test)
{
	struct caller *c;

	publish(test, &blocking_fops);
	cdevm_set_ops(scene->scopes[0], &blocking_ops);
	c = start_caller(test, caller_main);

	unbind();
	wait_for_completion(&c->done);
	KUNIT_EXPECT_EQ(test, c->ret, 5);
	close_file(c->file);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	EXPECT_NOTES(test, "open", "ioctl begins", "kick", "ioctl ends", "remove",
		     "close", "released 1");
}

/* A release that has begun is waited for, too. */
static int blocking_release(struct inode *inode, struct file *file)
{
	note("close begins");
	complete(&scene->inside);
	wait_for_completion(&scene->leave);
	note("close ends");
	return 0;
}

static const struct file_operations blocking_release_fops = {
	.owner		= THIS_MODULE,
	.open		= gadget_open,
	.release	= blocking_release,
};

static void fops_unbind_waits_for_release(struct kunit *test)
{
	struct caller *c;

	publish(test, &blocking_release_fops);
	cdevm_set_ops(scene->scopes[0], &blocking_ops);
	c = start_caller(test, closer_main);

	unbind();
	wait_for_completion(&c->done);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	EXPECT_NOTES(test, "open", "close begins", "kick", "close ends", "remove",
		     "released 1");
}

static void let_go(void *unused)
{
	note("let go");
	complete(&scene->leave);
}

/* If the drain comes before the unpublish step, it would wait for ever. */
static void drain_lets_go(void *s, const struct cdevm_scope *scope, u32 seq)
{
	complete(&scene->leave);
}

/*
 * Each step is complete before the next begins, newest action first. The call
 * leaves before the last step.
 */
static void fops_steps(struct kunit *test)
{
	struct caller *c;
	struct cdevm_scope *scope;

	check_trace_callback_type_cdevm_drain_begin(drain_lets_go);
	/* scene_exit() unregisters it. */
	scene->probes[0] = (struct probe){ "cdevm_drain_begin", drain_lets_go };
	probe_register(&scene->probes[0], scene);

	publish(test, &blocking_fops);
	scope = scene->scopes[0];
	KUNIT_ASSERT_EQ(test, cdevm_add_kick_action(scope, note_action, "wake 1"), 0);
	KUNIT_ASSERT_EQ(test, cdevm_add_stop_action(scope, note_action, "stop 1"), 0);
	KUNIT_ASSERT_EQ(test, cdevm_add_step_action(scope, CDEVM_STEP_UNPUBLISH,
						    let_go, NULL), 0);
	KUNIT_ASSERT_EQ(test, cdevm_add_kick_action(scope, note_action, "wake 2"), 0);
	KUNIT_ASSERT_EQ(test, cdevm_add_stop_action(scope, note_action, "stop 2"), 0);
	c = start_caller(test, caller_main);

	unbind();
	wait_for_completion(&c->done);
	close_file(c->file);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	EXPECT_NOTES(test, "open", "ioctl begins", "kick 1", "wake 2", "wake 1",
		     "let go", "ioctl ends", "stop 2", "stop 1", "remove", "close",
		     "released 1");
}

/* A poller that is queued when the device goes. */
struct poller {
	poll_table		table;
	wait_queue_head_t	*queue;
	struct wait_queue_entry	entry;
	__poll_t		key;
	int			woken;
	int			queued;
};

static int poller_wake(struct wait_queue_entry *entry, unsigned int mode, int sync,
		       void *key)
{
	struct poller *p = container_of(entry, struct poller, entry);

	p->key |= key_to_poll(key);
	p->woken++;
	return 0;
}

static void poller_queue(struct file *file, wait_queue_head_t *queue,
			 poll_table *table)
{
	struct poller *p = container_of(table, struct poller, table);

	if (p->queued++)
		return;
	p->queue = queue;
	init_waitqueue_func_entry(&p->entry, poller_wake);
	add_wait_queue(queue, &p->entry);
}

static void fops_poller_is_woken(struct kunit *test)
{
	struct poller *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	struct file *file;

	KUNIT_ASSERT_NOT_NULL(test, p);
	publish(test, &gadget_fops);
	file = must_open(test, 0);
	init_poll_funcptr(&p->table, poller_queue);
	p->table._key = EPOLLIN;
	KUNIT_EXPECT_EQ(test, poll_file(file, &p->table), POLLED(EPOLLIN));
	KUNIT_EXPECT_EQ(test, p->queued, 1);
	KUNIT_EXPECT_EQ(test, p->woken, 0);

	unbind();
	KUNIT_EXPECT_EQ(test, p->woken, 1);
	/* It is on a queue of the scope, and has to look for itself. */
	KUNIT_EXPECT_EQ(test, POLLED(p->key), 0);
	KUNIT_EXPECT_EQ(test, poll_file(file, NULL), POLLED_GONE);
	if (p->queue)
		remove_wait_queue(p->queue, &p->entry);
	close_file(file);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
}

static struct kunit_case fops_cases[] = {
	KUNIT_CASE(fops_without_methods),
	KUNIT_CASE(fops_with_methods),
	KUNIT_CASE(fops_with_some_methods),
	KUNIT_CASE(fops_owner),
	KUNIT_CASE(fops_calls),
	KUNIT_CASE(fops_through_the_vfs),
	KUNIT_CASE(fops_release),
	KUNIT_CASE(fops_open_fails),
	KUNIT_CASE(fops_open_after_unbind),
	KUNIT_CASE(fops_open_replaces),
	KUNIT_CASE(fops_unbind_waits_for_call),
	KUNIT_CASE(fops_unbind_waits_for_release),
	KUNIT_CASE(fops_steps),
	KUNIT_CASE(fops_poller_is_woken),
	{}
};

static struct kunit_suite fops_suite = {
	.name		= "cdevm-fops",
	.init		= scene_init,
	.exit		= scene_exit,
	.test_cases	= fops_cases,
};

/*
 * cdevm-trace: the same with the trace events among the notes
 */
static void probe_create(void *s, const struct cdevm_scope *scope, u32 seq)
{
	note("t:create");
}

static void probe_revoke(void *s, const struct cdevm_scope *scope, u32 seq)
{
	note("t:revoke %d", scope_number(scope));
}

static void probe_kick(void *s, const struct cdevm_scope *scope, u32 seq)
{
	note("t:kick %d", scope_number(scope));
}

static void probe_drain_begin(void *s, const struct cdevm_scope *scope, u32 seq)
{
	note("t:drain_begin %d", scope_number(scope));
}

static void probe_drain_end(void *s, const struct cdevm_scope *scope, u32 seq)
{
	note("t:drain_end %d", scope_number(scope));
}

static void probe_free(void *s, const struct cdevm_scope *scope, u32 seq)
{
	note("t:free %d", scope_number(scope));
}

/* Major numbers are dynamic, so a note has the minor, counted from our first one. */
static void note_node(const char *what, const char *node)
{
	unsigned int major, minor;

	if (sscanf(node, "%u:%u", &major, &minor) == 2)
		note("t:%s %u", what, minor - MINOR(scene->devt));
	else
		note("t:%s %s", what, node);
}

static void probe_publish(void *s, const struct cdevm_scope *scope,
			  const char *node, const void *object, u32 seq)
{
	note_node("publish", node);
}

static void probe_unpublish(void *s, const struct cdevm_scope *scope,
			    const char *node, u32 seq)
{
	note_node("unpublish", node);
}

static void probe_open(void *s, const struct cdevm_scope *scope,
		       const char *node, const struct file *file, u32 seq)
{
	note_node("open", node);
}

static void probe_close(void *s, const struct cdevm_scope *scope,
			const char *node, const struct file *file, u32 seq)
{
	note_node("close", node);
}

static void probe_get(void *s, const struct cdevm_scope *scope,
		      unsigned long caller, u32 seq)
{
	note("t:get %u", seq);
}

static void probe_put(void *s, const struct cdevm_scope *scope,
		      unsigned long caller, u32 seq)
{
	note("t:put %u", seq);
}

static const struct probe scene_probes[] = {
	{ "cdevm_create", probe_create },
	{ "cdevm_revoke", probe_revoke },
	{ "cdevm_kick", probe_kick },
	{ "cdevm_drain_begin", probe_drain_begin },
	{ "cdevm_drain_end", probe_drain_end },
	{ "cdevm_free", probe_free },
	{ "cdevm_publish", probe_publish },
	{ "cdevm_unpublish", probe_unpublish },
	{ "cdevm_open", probe_open },
	{ "cdevm_close", probe_close },
};

static const struct probe ref_probes[] = {
	{ "cdevm_get", probe_get },
	{ "cdevm_put", probe_put },
};

static_assert(ARRAY_SIZE(scene_probes) <= sizeof_field(struct scene, probes) /
					  sizeof(struct probe));

/* scene_exit() unregisters them. */
static void trace_these(struct kunit *test, const struct probe *probes,
			unsigned int count)
{
	unsigned int i;

	check_trace_callback_type_cdevm_create(probe_create);
	check_trace_callback_type_cdevm_revoke(probe_revoke);
	check_trace_callback_type_cdevm_kick(probe_kick);
	check_trace_callback_type_cdevm_drain_begin(probe_drain_begin);
	check_trace_callback_type_cdevm_drain_end(probe_drain_end);
	check_trace_callback_type_cdevm_free(probe_free);
	check_trace_callback_type_cdevm_publish(probe_publish);
	check_trace_callback_type_cdevm_unpublish(probe_unpublish);
	check_trace_callback_type_cdevm_open(probe_open);
	check_trace_callback_type_cdevm_close(probe_close);
	check_trace_callback_type_cdevm_get(probe_get);
	check_trace_callback_type_cdevm_put(probe_put);

	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "needs TRACEPOINTS");
	for (i = 0; i < count; i++) {
		scene->probes[i] = probes[i];
		KUNIT_ASSERT_TRUE_MSG(test, probe_register(&scene->probes[i], scene),
				      "no tracepoint %s", probes[i].name);
	}
}

static void trace_scopes(struct kunit *test)
{
	trace_these(test, scene_probes, ARRAY_SIZE(scene_probes));
}

static void trace_of_unbind(struct kunit *test)
{
	trace_scopes(test);
	bind(probe_full);
	EXPECT_NOTES(test, "t:create", "t:publish 0", "t:publish 1",
		     "t:publish " MISC_NAME);
	unbind();
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	EXPECT_NOTES(test, "t:revoke 1", "t:kick 1", "kick 1",
		     "t:unpublish " MISC_NAME, "t:unpublish 1", "t:unpublish 0",
		     "t:drain_begin 1", "t:drain_end 1",
		     "remove", "devm 2", "devm 1",
		     "cdevm 2", "cdevm 1", "t:free 1", "released 1");
}

static void trace_of_open_file(struct kunit *test)
{
	struct file *file;

	trace_scopes(test);
	bind(probe_full);
	notes_clear();
	file = must_open(test, 1);
	EXPECT_NOTES(test, "open", "t:open 1");
	unbind();
	EXPECT_NOTES(test, "t:revoke 1", "t:kick 1", "kick 1",
		     "t:unpublish " MISC_NAME, "t:unpublish 1", "t:unpublish 0",
		     "t:drain_begin 1", "t:drain_end 1",
		     "remove", "devm 2", "devm 1");
	close_file(file);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	EXPECT_NOTES(test, "close", "t:close 1", "cdevm 2", "cdevm 1", "t:free 1",
		     "released 1");
}

static int probe_two_full(struct device *dev)
{
	struct gadget *g = new_gadget(dev), *other = new_gadget(dev);

	if (IS_ERR(g) || IS_ERR(other))
		return -ENOMEM;
	return cdevm_add_cdev(&g->scope, &g->a, scene->devt, 1) ?:
	       cdevm_add_cdev(&other->scope, &other->a, scene->devt + 1, 1) ?:
	       cdevm_add_cdev(&g->scope, &g->b, scene->devt + 2, 1) ?:
	       cdevm_add_action(&g->scope, note_action, "cdevm of 1") ?:
	       cdevm_add_action(&other->scope, note_action, "cdevm of 2");
}

/* Every step is taken for both before the next one is. */
static void trace_of_two_scopes(struct kunit *test)
{
	trace_scopes(test);
	bind(probe_two_full);
	EXPECT_NOTES(test, "t:create", "t:create", "t:publish 0", "t:publish 1",
		     "t:publish 2");
	unbind();
	KUNIT_EXPECT_TRUE(test, wait_freed(2));
	expect_before(test, "cdevm of 1", "t:free 1");
	expect_before(test, "cdevm of 2", "t:free 2");
	expect_before(test, "remove", "cdevm of 1");
	expect_before(test, "remove", "cdevm of 2");
	/* With delayed kobjects the order of the last references is not defined. */
	KUNIT_EXPECT_EQ(test, notes.count, 20);
	notes.count = min(notes.count, 14);
	EXPECT_NOTES(test, "t:revoke 2", "t:revoke 1",
		     "t:kick 2", "kick 2", "t:kick 1", "kick 1",
		     "t:unpublish 1", "t:unpublish 2", "t:unpublish 0",
		     "t:drain_begin 2", "t:drain_end 2",
		     "t:drain_begin 1", "t:drain_end 1", "remove");
}

static int probe_full_that_fails(struct device *dev)
{
	return probe_full(dev) ?: -EIO;
}

static void trace_of_failed_probe(struct kunit *test)
{
	trace_scopes(test);
	scene->probe = probe_full_that_fails;
	KUNIT_EXPECT_NE(test, device_attach(&scene->pdev->dev), 1);
	KUNIT_EXPECT_EQ(test, scene->probed, -EIO);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	EXPECT_NOTES(test, "t:create", "t:publish 0", "t:publish 1",
		     "t:publish " MISC_NAME,
		     "t:revoke 1", "t:kick 1", "kick 1",
		     "t:unpublish " MISC_NAME, "t:unpublish 1", "t:unpublish 0",
		     "t:drain_begin 1", "t:drain_end 1", "devm 2", "devm 1",
		     "cdevm 2", "cdevm 1", "t:free 1", "released 1");
}

static void trace_of_call_inside(struct kunit *test)
{
	struct caller *c;

	trace_scopes(test);
	publish(test, &blocking_fops);
	cdevm_set_ops(scene->scopes[0], &blocking_ops);
	c = start_caller(test, caller_main);
	unbind();
	wait_for_completion(&c->done);

	expect_before(test, "t:revoke 1", "kick");
	expect_before(test, "kick", "ioctl ends");
	expect_before(test, "ioctl ends", "t:drain_end 1");
	expect_before(test, "t:drain_end 1", "remove");
	close_file(c->file);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
}

/* Nothing takes a reference that it does not drop. */
static void trace_of_references(struct kunit *test)
{
	int i, gets = 0, puts = 0;
	struct file *file;
	u32 seq;

	trace_these(test, ref_probes, ARRAY_SIZE(ref_probes));
	bind(probe_full);
	file = must_open_misc(test, the_gadget());
	unbind();
	close_file(file);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	for (i = 0; i < notes.count; i++) {
		if (sscanf(note_text(i), "t:%*3c %u", &seq) != 1)
			continue;
		/* Each has the next number. */
		KUNIT_EXPECT_EQ(test, seq, gets + puts);
		gets += strstarts(note_text(i), "t:get");
		puts += strstarts(note_text(i), "t:put");
	}
	/* Two cdevs and a file. One more is dropped: that of the binding. */
	KUNIT_EXPECT_EQ(test, gets, 3);
	KUNIT_EXPECT_EQ(test, puts, 4);
}

/* The text from the first event of that name on. */
static const char *text_from(const char *text, const char *event)
{
	return strstr(text, event) ?: "";
}

/* What tools read: each field of each event of a scope. */
static void trace_text_of_scope(struct kunit *test)
{
	struct lines *l = lines_begin(test);
	static const char * const plain[] = {
		": cdevm_revoke: ", ": cdevm_kick: ", ": cdevm_drain_begin: ",
		": cdevm_drain_end: ",
	};
	const struct gadget *g;
	char from[80], want[200];
	struct file *file;
	const char *text;
	int i;

	bind(probe_full);
	g = the_gadget();
	snprintf(from, sizeof(from), "bus=platform driver=%s mgr=%p", scene->name,
		 &g->scope.obj.mgr);
	file = must_open_misc(test, g);
	unbind();
	close_file(file);
	KUNIT_EXPECT_TRUE(test, wait_freed(1));
	text = lines_read(test, l);

	/* The binding, two cdevs, and the file, which goes after its event. */
	expect_line(test, text, ": cdevm_create: cdevm %s #0 refs=1 %s", scene->name,
		    from);
	expect_line(test, text_from(text, ": cdevm_publish: "),
		    " node=" MISC_NAME " refs=3 %s object=%p", from, &g->misc);
	expect_line(test, text_from(text, ": cdevm_open: "),
		    " node=" MISC_NAME " refs=4 %s file=%p", from, file);
	for (i = 0; i < ARRAY_SIZE(plain); i++)
		expect_line(test, text_from(text, plain[i]), " %s", from);
	/* The task that runs the steps has one, too. */
	expect_line(test, text_from(text, ": cdevm_unpublish: "),
		    " node=" MISC_NAME " refs=5 %s", from);
	expect_line(test, text_from(text, ": cdevm_close: "), " %s file=%p", from,
		    file);
	expect_line(test, text_from(text, ": cdevm_free: "), " refs=0 %s", from);

	/* A reference is taken by a function. */
	expect_text(test, text_from(text, ": cdevm_get: "), " refs=1 by=");
	expect_line(test, text_from(text, ": cdevm_get: "), " %s", from);
	expect_line(test, text_from(text, ": cdevm_put: "), " %s", from);

	/* Resources of the device, of the scope when there is no device, and nodes. */
	snprintf(want, sizeof(want), " kind=action bus=platform driver=%s mgr=%p",
		 scene->name, &scene->pdev->dev.devres);
	expect_text(test, text_from(text, ": resmgr_release_begin: devm "), want);
	snprintf(want, sizeof(want), " kind=action %s", from);
	expect_text(test, text_from(text, ": resmgr_release_begin: cdevm "), want);
	snprintf(want, sizeof(want), " kind=node bus=platform driver=%s mgr=%p",
		 scene->name, &g->scope.steps[CDEVM_STEP_UNPUBLISH]);
	expect_text(test, text_from(text, ": resmgr_add: cdevm-nodes "), want);
}

static struct kunit_case trace_cases[] = {
	KUNIT_CASE(trace_text_of_scope),
	KUNIT_CASE(trace_of_unbind),
	KUNIT_CASE(trace_of_open_file),
	KUNIT_CASE(trace_of_two_scopes),
	KUNIT_CASE(trace_of_failed_probe),
	KUNIT_CASE(trace_of_call_inside),
	KUNIT_CASE(trace_of_references),
	{}
};

static struct kunit_suite trace_suite = {
	.name		= "cdevm-trace",
	.init		= scene_init,
	.exit		= scene_exit,
	.test_cases	= trace_cases,
};

kunit_test_suites(&scope_suite, &nodes_suite, &fops_suite, &trace_suite);

MODULE_DESCRIPTION("KUnit tests of cdevm");
MODULE_LICENSE("GPL");
