// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of cdevm: every way out of a driver
 *
 * Whatever unbinds a driver, or releases a part of what it has created, does so
 * in one order: calls are refused, the calls inside have left, the unpublish
 * actions run, and only then is anything released that a call may have used.
 * Most cases use a bus of their own, which notes when its callbacks run. Some
 * buses wrap probe in a devres group and release it themselves; this one does,
 * too, when it is told to. Each note says when a call can still enter.
 */
#include <kunit/test.h>
#include <linux/cdev.h>
#include <linux/cdevm.h>
#include <linux/component.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/i2c.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/platform_device.h>
#include <linux/pm.h>
#include <linux/pm_domain.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "cdevm_kunit.h"
#include "../resmgr_kunit.h"

#define NAME	"cdevm-exit"
#define GADGETS	4
/* What a register reads as while the hardware is there. */
#define ALIVE	42

/* A driver's private struct, with a node. */
struct gadget {
	struct cdevm_scope	scope;
	struct cdev		cdev, spare;
	unsigned int		number;
	int			*reg;
};

/* A device on the bus of this suite. */
struct thing {
	struct device		dev;
	int			(*probe)(struct device *dev);
	int			ret;
	bool			grouped;
	void			*group;
};

static struct {
	struct kunit		*test;
	dev_t			devt;
	struct vfsmount		*mnt;
	/* In the order in which they were made. Each is held by the test. */
	struct gadget		*gadgets[GADGETS];
	unsigned int		nr_gadgets;
	struct thing		*things[GADGETS];
	unsigned int		nr_things;
	struct device_link	*link;
	struct thing		*card, *part;
	struct completion	inside, leave;
	struct file		*file;
	/* What probe of a platform or an I2C device is to do. */
	int			(*probe)(struct device *dev);
	int			ret;
	struct cdevm_scope	*wrong;
	struct completion	stopping, stop, withdrawing;
	bool			stopped, saw_stopped;
} way;

static struct thing *to_thing(struct device *dev)
{
	return container_of(dev, struct thing, dev);
}

static bool refuses(struct gadget *g)
{
	if (!cdevm_enter(&g->scope))
		return true;
	cdevm_exit(&g->scope);
	return false;
}

/* Add a note that says what can still be reached of the gadgets from @first to @last. */
static void note_range(const char *what, unsigned int first, unsigned int last)
{
	bool enter = false, published = false, inside = false;
	unsigned int i;

	for (i = first; i < last; i++) {
		struct gadget *g = way.gadgets[i];

		enter |= !refuses(g);
		published |= !resmgr_empty(&g->scope.steps[CDEVM_STEP_UNPUBLISH]);
		inside |= cdevm_is_revoked(&g->scope) &&
			  !resmgr_gate_drain(&g->scope.gate, 0);
	}
	note("%s%s%s%s", what, enter ? " (can be entered)" : "",
	     published ? " (published)" : "", inside ? " (call inside)" : "");
}

static void note_all(const char *what)
{
	note_range(what, 0, way.nr_gadgets);
}

static void note_all_action(void *what)
{
	note_all(what);
}

/* --- a driver with a node */

static int gadget_open(struct inode *inode, struct file *file)
{
	file->private_data = container_of(inode->i_cdev, struct gadget, cdev);
	return 0;
}

/* A call that touches the hardware. KASAN knows when that has gone. */
static ssize_t gadget_read(struct file *file, char __user *buf, size_t len,
			   loff_t *pos)
{
	struct gadget *g = file->private_data;

	return READ_ONCE(*g->reg);
}

/* A call that is inside for as long as the test wants. */
static ssize_t gadget_write(struct file *file, const char __user *buf,
			    size_t len, loff_t *pos)
{
	struct gadget *g = file->private_data;

	complete(&way.inside);
	wait_for_completion(&way.leave);
	msleep(50);
	note("call leaves");
	return READ_ONCE(*g->reg);
}

static const struct file_operations gadget_fops = {
	.owner	= THIS_MODULE,
	.open	= gadget_open,
	.read	= gadget_read,
	.write	= gadget_write,
};

static void gadget_kick(struct cdevm_scope *scope)
{
	struct gadget *g = container_of(scope, struct gadget, scope);
	char text[16];

	snprintf(text, sizeof(text), "kick %u", g->number);
	note_range(text, g->number - 1, g->number - 1);
	complete_all(&way.leave);
}

static const struct cdevm_ops gadget_ops = {
	.kick = gadget_kick,
};

static void gadget_hardware_goes(void *data)
{
	struct gadget *g = data;
	char text[24];

	snprintf(text, sizeof(text), "hardware %u goes", g->number);
	note_range(text, g->number - 1, g->number);
}

/* All that such a driver does, with the hardware as devm resources. */
static struct gadget *gadget_new(struct device *dev)
{
	struct gadget *g;
	int ret;

	if (way.nr_gadgets == GADGETS)
		return ERR_PTR(-ENOSPC);
	g = devm_cdevm_alloc(dev, struct gadget, scope);
	if (IS_ERR(g))
		return g;
	cdevm_get(&g->scope);
	cdevm_set_ops(&g->scope, &gadget_ops);
	way.gadgets[way.nr_gadgets++] = g;
	g->number = way.nr_gadgets;
	g->reg = devm_kzalloc(dev, sizeof(*g->reg), GFP_KERNEL);
	if (!g->reg)
		return ERR_PTR(-ENOMEM);
	*g->reg = ALIVE;
	cdev_init(&g->cdev, &gadget_fops);
	ret = devm_add_action(dev, gadget_hardware_goes, g) ?:
	      cdevm_add_cdev(&g->scope, &g->cdev, way.devt + g->number - 1, 1);
	return ret ? ERR_PTR(ret) : g;
}

/* An unpublish action that uses the hardware of a gadget. */
static void unpublish_gadget(void *data)
{
	struct gadget *g = data;

	int reg = READ_ONCE(*g->reg);

	KUNIT_EXPECT_EQ(way.test, reg, ALIVE);
	note_all("unpublish");
}

static int probe_gadget(struct device *dev)
{
	struct gadget *g = gadget_new(dev);

	return IS_ERR(g) ? PTR_ERR(g) :
	       devm_add_unpublish_action(dev, unpublish_gadget, g);
}

static int probe_quiet(struct device *dev)
{
	return 0;
}

static struct file *gadget_file(struct gadget *g)
{
	return node_file(way.mnt, way.devt + g->number - 1);
}

static long read_file(struct file *file)
{
	loff_t pos = 0;

	return file->f_op->read(file, NULL, 0, &pos);
}

/* --- the bus */

static int bus_match(struct device *dev, const struct device_driver *drv)
{
	/* Bound by hand only, also after a probe that was deferred. */
	return 0;
}

static int bus_probe(struct device *dev)
{
	struct thing *t = to_thing(dev);
	int ret;

	t->group = t->grouped ? devres_open_group(dev, NULL, GFP_KERNEL) : NULL;
	if (t->grouped && !t->group)
		return -ENOMEM;
	ret = t->probe(dev) ?: t->ret;
	if (ret && t->group)
		devres_release_group(dev, t->group);
	return ret;
}

static void bus_remove(struct device *dev)
{
	struct thing *t = to_thing(dev);

	note("remove");
	if (t->group)
		devres_release_group(dev, t->group);
}

static int bus_dma_configure(struct device *dev)
{
	return 0;
}

static void bus_dma_cleanup(struct device *dev)
{
	if (to_thing(dev)->ret)
		note_all("dma_cleanup");
}

static const struct bus_type exit_bus = {
	.name		= NAME,
	.match		= bus_match,
	.probe		= bus_probe,
	.remove		= bus_remove,
	.dma_configure	= bus_dma_configure,
	.dma_cleanup	= bus_dma_cleanup,
};

static struct device_driver exit_driver = {
	.name	= NAME,
	.bus	= &exit_bus,
	.owner	= THIS_MODULE,
};

static void thing_release(struct device *dev)
{
	kfree(to_thing(dev));
}

static struct thing *thing_new(struct kunit *test, int (*probe)(struct device *dev),
			       struct device *parent)
{
	struct thing *t = kzalloc_obj(*t, GFP_KERNEL);
	static unsigned int nr;

	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_ASSERT_LT(test, way.nr_things, GADGETS);
	t->probe = probe;
	t->dev.bus = &exit_bus;
	t->dev.parent = parent;
	t->dev.release = thing_release;
	dev_set_name(&t->dev, NAME "-%u", nr++);
	/* put_device() frees it in any case. Things are unregistered newest first. */
	if (device_register(&t->dev)) {
		put_device(&t->dev);
		KUNIT_FAIL_AND_ABORT(test, "device_register");
	}
	way.things[way.nr_things++] = t;
	return t;
}

static int thing_bind(struct thing *t)
{
	return device_driver_attach(&exit_driver, &t->dev);
}

static void thing_unbind(struct thing *t)
{
	device_release_driver(&t->dev);
	KUNIT_EXPECT_NULL(way.test, t->dev.driver);
}

static int exit_init(struct kunit *test)
{
	memset(&way, 0, sizeof(way));
	way.test = test;
	notes_clear();
	init_completion(&way.inside);
	init_completion(&way.leave);
	init_completion(&way.stopping);
	init_completion(&way.stop);
	init_completion(&way.withdrawing);
	return nodes_begin(&way.mnt, &way.devt, GADGETS, NAME);
}

static void exit_exit(struct kunit *test)
{
	if (!way.mnt)
		return;
	while (way.nr_things)
		device_unregister(&way.things[--way.nr_things]->dev);
	while (way.nr_gadgets)
		cdevm_put(&way.gadgets[--way.nr_gadgets]->scope);
	nodes_end(way.mnt, way.devt, GADGETS);
}

static int exit_suite_init(struct kunit_suite *suite)
{
	int ret = bus_register(&exit_bus);

	if (ret)
		return ret;
	ret = driver_register(&exit_driver);
	if (ret)
		bus_unregister(&exit_bus);
	return ret;
}

static void exit_suite_exit(struct kunit_suite *suite)
{
	/* KUnit calls this also after an init that failed. */
	if (suite->suite_init_err)
		return;
	driver_unregister(&exit_driver);
	bus_unregister(&exit_bus);
}

/* --- a probe that fails */

static const struct probe_error {
	const char	*name;
	int		ret;
	bool		grouped;
} probe_errors[] = {
	{ "fails", -EIO, false },
	{ "is deferred", -EPROBE_DEFER, false },
	{ "fails in a group", -EIO, true },
	{ "is deferred in a group", -EPROBE_DEFER, true },
};

KUNIT_ARRAY_PARAM_DESC(probe_error, probe_errors, name);

/* device_driver_attach() says it in its own way. */
static int attach_error(int ret)
{
	return ret == -EPROBE_DEFER ? -EAGAIN : ret;
}

static void exit_probe_fails(struct kunit *test)
{
	const struct probe_error *e = test->param_value;
	struct thing *t = thing_new(test, probe_gadget, NULL);

	t->ret = e->ret;
	t->grouped = e->grouped;
	KUNIT_EXPECT_EQ(test, thing_bind(t), attach_error(e->ret));
	/* A bus that has a group releases it before the driver core does its part. */
	if (e->grouped)
		EXPECT_NOTES(test, "kick 1", "unpublish", "hardware 1 goes", "dma_cleanup");
	else
		EXPECT_NOTES(test, "kick 1", "unpublish", "dma_cleanup", "hardware 1 goes");

	/* The device is as good as before. */
	t->ret = 0;
	KUNIT_EXPECT_EQ(test, thing_bind(t), 0);
	thing_unbind(t);
	EXPECT_NOTES(test, "kick 2", "unpublish", "remove", "hardware 2 goes");
}

static void unpublish_memory(void *data)
{
	int value = READ_ONCE(*(int *)data);

	KUNIT_EXPECT_EQ(way.test, value, ALIVE);
	note_all("unpublish");
}

/* There is no scope: this tests what the driver core promises by itself. */
static int probe_action_only(struct device *dev)
{
	int *p = devm_kzalloc(dev, sizeof(*p), GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	*p = ALIVE;
	return devm_add_action(dev, note_all_action, "devm") ?:
	       devm_add_unpublish_action(dev, unpublish_memory, p);
}

static void exit_probe_fails_without_scope(struct kunit *test)
{
	const struct probe_error *e = test->param_value;
	struct thing *t = thing_new(test, probe_action_only, NULL);

	t->ret = e->ret;
	t->grouped = e->grouped;
	KUNIT_EXPECT_EQ(test, thing_bind(t), attach_error(e->ret));
	if (e->grouped)
		EXPECT_NOTES(test, "unpublish", "devm", "dma_cleanup");
	else
		EXPECT_NOTES(test, "unpublish", "dma_cleanup", "devm");
}

static void unpublish_with_supplier(void *unused)
{
	enum device_link_state status = READ_ONCE(way.link->status);

	KUNIT_EXPECT_EQ(way.test, status, DL_STATE_CONSUMER_PROBE);
	note_all("unpublish");
}

static int probe_with_supplier(struct device *dev)
{
	return devm_add_unpublish_action(dev, unpublish_with_supplier, NULL);
}

/* The supplier cannot be unbound before the actions of its consumer have run. */
static void exit_probe_fails_with_supplier(struct kunit *test)
{
	struct thing *supplier = thing_new(test, probe_quiet, NULL);
	struct thing *t = thing_new(test, probe_with_supplier, NULL);

	KUNIT_ASSERT_EQ(test, thing_bind(supplier), 0);
	way.link = device_link_add(&t->dev, &supplier->dev, DL_FLAG_AUTOREMOVE_SUPPLIER);
	KUNIT_ASSERT_NOT_NULL(test, way.link);
	t->ret = -EIO;
	KUNIT_EXPECT_EQ(test, thing_bind(t), -EIO);
	EXPECT_NOTES(test, "unpublish", "dma_cleanup");
}

/* --- a probe that fails, on real buses */

static void domain_detach(struct device *dev, bool power_off)
{
	note_all("power off");
}

static struct dev_pm_domain exit_domain = {
	.detach = domain_detach,
};

static int exit_platform_probe(struct platform_device *pdev)
{
	return probe_gadget(&pdev->dev) ?: -EIO;
}

static struct platform_driver exit_platform_driver = {
	.probe	= exit_platform_probe,
	.driver	= { .name = NAME },
};

/* The power must not go before the calls: 6.12 detaches the domain in its probe. */
static void exit_platform_probe_fails(struct kunit *test)
{
	struct platform_device *pdev;

	if (!IS_ENABLED(CONFIG_PM))
		kunit_skip(test, "needs PM");
	KUNIT_ASSERT_EQ(test, platform_driver_register(&exit_platform_driver), 0);
	pdev = platform_device_alloc(NAME, PLATFORM_DEVID_NONE);
	if (pdev) {
		dev_pm_domain_set(&pdev->dev, &exit_domain);
		KUNIT_EXPECT_EQ(test, platform_device_add(pdev), 0);
		KUNIT_EXPECT_NULL(test, pdev->dev.driver);
		/* Which of these two is first depends on the kernel. */
		if (notes.count == 4 && !strcmp(note_text(2), "hardware 1 goes"))
			EXPECT_NOTES(test, "kick 1", "unpublish", "hardware 1 goes", "power off");
		else
			EXPECT_NOTES(test, "kick 1", "unpublish", "power off", "hardware 1 goes");
		platform_device_unregister(pdev);
	}
	platform_driver_unregister(&exit_platform_driver);
	KUNIT_EXPECT_NOT_NULL(test, pdev);
}

#if IS_REACHABLE(CONFIG_I2C)
static int exit_i2c_xfer(struct i2c_adapter *adapter, struct i2c_msg *msgs, int num)
{
	return -EIO;
}

static u32 exit_i2c_functionality(struct i2c_adapter *adapter)
{
	return I2C_FUNC_I2C;
}

static const struct i2c_algorithm exit_i2c_algorithm = {
	.xfer		= exit_i2c_xfer,
	.functionality	= exit_i2c_functionality,
};

static struct i2c_adapter exit_i2c_adapter;

static int exit_i2c_probe(struct i2c_client *client)
{
	return way.probe(&client->dev) ?: way.ret;
}

static const struct i2c_device_id exit_i2c_ids[] = {
	{ NAME },
	{ }
};

static struct i2c_driver exit_i2c_driver = {
	.probe		= exit_i2c_probe,
	.id_table	= exit_i2c_ids,
	.driver		= { .name = NAME },
};

/* Bind a client to the driver, after it was made, so that it can have a domain. */
static void i2c_bind(struct kunit *test, int (*probe)(struct device *dev), int ret)
{
	struct i2c_board_info info = { .type = NAME, .addr = 0x20 };
	struct i2c_client *client;

	way.probe = probe;
	way.ret = ret;
	memset(&exit_i2c_adapter, 0, sizeof(exit_i2c_adapter));
	exit_i2c_adapter.owner = THIS_MODULE;
	exit_i2c_adapter.algo = &exit_i2c_algorithm;
	strscpy(exit_i2c_adapter.name, NAME);
	KUNIT_ASSERT_EQ(test, i2c_add_adapter(&exit_i2c_adapter), 0);
	client = i2c_new_client_device(&exit_i2c_adapter, &info);
	if (!IS_ERR(client)) {
		if (IS_ENABLED(CONFIG_PM))
			dev_pm_domain_set(&client->dev, &exit_domain);
		KUNIT_EXPECT_EQ(test, i2c_add_driver(&exit_i2c_driver), 0);
		KUNIT_EXPECT_EQ(test, !client->dev.driver, !!ret);
	}
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, client);
}

static void i2c_gone(void)
{
	i2c_del_driver(&exit_i2c_driver);
	i2c_del_adapter(&exit_i2c_adapter);
}

static void exit_i2c_probe_fails(struct kunit *test)
{
	i2c_bind(test, probe_gadget, -EIO);
	if (IS_ENABLED(CONFIG_PM))
		EXPECT_NOTES(test, "kick 1", "unpublish", "hardware 1 goes", "power off");
	else
		EXPECT_NOTES(test, "kick 1", "unpublish", "hardware 1 goes");
	i2c_gone();
}

static void exit_i2c_unbind(struct kunit *test)
{
	i2c_bind(test, probe_gadget, 0);
	i2c_gone();
	if (IS_ENABLED(CONFIG_PM))
		EXPECT_NOTES(test, "kick 1", "unpublish", "hardware 1 goes", "power off");
	else
		EXPECT_NOTES(test, "kick 1", "unpublish", "hardware 1 goes");
}
#else
static void exit_i2c_probe_fails(struct kunit *test)
{
	kunit_skip(test, "needs I2C");
}

static void exit_i2c_unbind(struct kunit *test)
{
	kunit_skip(test, "needs I2C");
}
#endif

/* --- devres groups */

/* @error is -ENODEV while the inode still refers to the node, as that is open. */
static void expect_no_node(struct kunit *test, struct gadget *g, int error)
{
	struct file *file = gadget_file(g);

	KUNIT_EXPECT_PTR_EQ(test, file, ERR_PTR(error));
	if (!IS_ERR(file))
		__fput_sync(file);
}

/* The release of a group ends what was created in it, and nothing else. */
static int probe_scope_in_open_group(struct device *dev)
{
	struct kunit *test = way.test;
	struct gadget *first, *second;
	struct file *file;
	void *id;

	first = gadget_new(dev);
	if (IS_ERR(first))
		return PTR_ERR(first);
	id = devres_open_group(dev, NULL, GFP_KERNEL);
	if (!id)
		return -ENOMEM;
	second = gadget_new(dev);
	if (IS_ERR(second))
		return PTR_ERR(second);
	file = gadget_file(second);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, file);

	devres_release_group(dev, id);
	EXPECT_NOTES(test, "kick 2", "hardware 2 goes");
	KUNIT_EXPECT_TRUE(test, cdevm_is_revoked(&second->scope));
	KUNIT_EXPECT_FALSE(test, cdevm_is_revoked(&first->scope));
	if (!IS_ERR(file)) {
		KUNIT_EXPECT_EQ(test, read_file(file), -ENODEV);
		__fput_sync(file);
	}
	expect_no_node(test, second, -ENXIO);
	return 0;
}

static void expect_usable(struct kunit *test, struct gadget *g)
{
	struct file *file = gadget_file(g);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_EXPECT_EQ(test, read_file(file), ALIVE);
	__fput_sync(file);
}

static void exit_scope_in_open_group(struct kunit *test)
{
	struct thing *t = thing_new(test, probe_scope_in_open_group, NULL);

	KUNIT_ASSERT_EQ(test, thing_bind(t), 0);
	expect_usable(test, way.gadgets[0]);
	thing_unbind(t);
	EXPECT_NOTES(test, "kick 1", "remove", "hardware 1 goes");
}

/* The other order: the group is released before the main struct is created. */
static int probe_scope_after_group(struct device *dev)
{
	struct kunit *test = way.test;
	struct cdevm_scope *bare;
	struct gadget *main;
	void *id;

	id = devres_open_group(dev, NULL, GFP_KERNEL);
	if (!id)
		return -ENOMEM;
	bare = devm_cdevm_create(dev);
	if (IS_ERR(bare))
		return PTR_ERR(bare);
	cdevm_get(bare);
	devres_close_group(dev, id);
	main = gadget_new(dev);
	if (IS_ERR(main)) {
		cdevm_put(bare);
		return PTR_ERR(main);
	}
	devres_release_group(dev, id);
	KUNIT_EXPECT_TRUE(test, cdevm_is_revoked(bare));
	KUNIT_EXPECT_EQ(test, refcount_read(&bare->obj.ref), 1);
	cdevm_put(bare);
	/* One of the binding, one of the test, one of the cdev. */
	KUNIT_EXPECT_EQ(test, refcount_read(&main->scope.obj.ref), 3);
	KUNIT_EXPECT_FALSE(test, cdevm_is_revoked(&main->scope));
	EXPECT_NO_NOTES(test);
	return 0;
}

static void exit_scope_after_group(struct kunit *test)
{
	struct thing *t = thing_new(test, probe_scope_after_group, NULL);

	KUNIT_ASSERT_EQ(test, thing_bind(t), 0);
	expect_usable(test, way.gadgets[0]);
	thing_unbind(t);
	EXPECT_NOTES(test, "kick 1", "remove", "hardware 1 goes");
}

/* A group whose scopes stay when the group is given up. */
static int probe_group_removed(struct device *dev)
{
	void *id = devres_open_group(dev, NULL, GFP_KERNEL);
	struct gadget *g;

	if (!id)
		return -ENOMEM;
	g = gadget_new(dev);
	if (IS_ERR(g))
		return PTR_ERR(g);
	devres_remove_group(dev, id);
	return devm_add_unpublish_action(dev, unpublish_gadget, g);
}

static void exit_group_removed(struct kunit *test)
{
	struct thing *t = thing_new(test, probe_group_removed, NULL);

	KUNIT_ASSERT_EQ(test, thing_bind(t), 0);
	EXPECT_NO_NOTES(test);
	expect_usable(test, way.gadgets[0]);
	thing_unbind(t);
	EXPECT_NOTES(test, "kick 1", "unpublish", "remove", "hardware 1 goes");
}

/* Actions without a scope: those of the group run, before its resources go. */
static int probe_actions_in_groups(struct device *dev)
{
	struct kunit *test = way.test;
	void *outer, *inner, *kept;

	if (devm_add_unpublish_action(dev, note_all_action, "before"))
		return -ENOMEM;
	outer = devres_open_group(dev, NULL, GFP_KERNEL);
	if (!outer || devm_add_unpublish_action(dev, note_all_action, "outer 1") ||
	    devm_add_action(dev, note_all_action, "devm outer"))
		return -ENOMEM;
	inner = devres_open_group(dev, NULL, GFP_KERNEL);
	if (!inner || devm_add_unpublish_action(dev, note_all_action, "inner") ||
	    devm_add_unpublish_action(dev, note_all_action, "taken back") ||
	    devm_add_action(dev, note_all_action, "devm inner"))
		return -ENOMEM;
	devres_close_group(dev, inner);
	devm_remove_unpublish_action(dev, note_all_action, "taken back");
	if (devm_add_unpublish_action(dev, note_all_action, "outer 2"))
		return -ENOMEM;
	devres_close_group(dev, outer);
	if (devm_add_unpublish_action(dev, note_all_action, "after"))
		return -ENOMEM;
	EXPECT_NO_NOTES(test);
	devres_release_group(dev, outer);
	EXPECT_NOTES(test, "outer 2", "inner", "outer 1", "devm inner", "devm outer");

	kept = devres_open_group(dev, NULL, GFP_KERNEL);
	if (!kept || devm_add_unpublish_action(dev, note_all_action, "kept"))
		return -ENOMEM;
	devres_remove_group(dev, kept);
	EXPECT_NO_NOTES(test);
	return 0;
}

static void exit_actions_in_groups(struct kunit *test)
{
	struct thing *t = thing_new(test, probe_actions_in_groups, NULL);

	KUNIT_ASSERT_EQ(test, thing_bind(t), 0);
	thing_unbind(t);
	EXPECT_NOTES(test, "kept", "after", "before", "remove");
}

/*
 * Components: bind() of a part is called with a group open for it, in the probe
 * of whatever device comes last; unbind() is followed by the end of that group.
 */
static int part_bind(struct device *dev, struct device *card, void *data)
{
	struct gadget *g = gadget_new(dev);

	return IS_ERR(g) ? PTR_ERR(g) : devm_add_unpublish_action(dev, note_action, "part");
}

static void part_unbind(struct device *dev, struct device *card, void *data)
{
	note("part unbind");
}

static const struct component_ops part_ops = {
	.bind	= part_bind,
	.unbind	= part_unbind,
};

static int card_bind(struct device *dev)
{
	return component_bind_all(dev, NULL);
}

static void card_unbind(struct device *dev)
{
	component_unbind_all(dev, NULL);
}

static const struct component_master_ops card_ops = {
	.bind	= card_bind,
	.unbind	= card_unbind,
};

static int card_has_part(struct device *dev, void *data)
{
	return dev == data;
}

static int probe_card(struct device *dev)
{
	struct component_match *match = NULL;

	component_match_add(dev, &match, card_has_part, &way.part->dev);
	return component_master_add_with_match(dev, &card_ops, match);
}

static int probe_part(struct device *dev)
{
	return probe_gadget(dev) ?: component_add(dev, &part_ops);
}

static void exit_component(struct kunit *test)
{
	struct file *file;

	way.card = thing_new(test, probe_card, NULL);
	way.part = thing_new(test, probe_part, NULL);
	KUNIT_ASSERT_EQ(test, thing_bind(way.part), 0);
	/* Now the part is bound, and nobody holds its lock. */
	KUNIT_ASSERT_EQ(test, thing_bind(way.card), 0);
	KUNIT_ASSERT_EQ(test, way.nr_gadgets, 2);
	file = gadget_file(way.gadgets[1]);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, file);
	component_master_del(&way.card->dev, &card_ops);
	EXPECT_NOTES(test, "part unbind", "kick 2", "part", "hardware 2 goes");
	if (!IS_ERR(file)) {
		KUNIT_EXPECT_EQ(test, read_file(file), -ENODEV);
		__fput_sync(file);
	}
	expect_usable(test, way.gadgets[0]);
	thing_unbind(way.card);
	EXPECT_NOTES(test, "remove");
	component_del(&way.part->dev, &part_ops);
	thing_unbind(way.part);
	EXPECT_NOTES(test, "kick 1", "unpublish", "remove", "hardware 1 goes");
}

/* --- parents and children */

static void exit_parent_probe_fails(struct kunit *test)
{
	const struct probe_error *e = test->param_value;
	struct thing *parent, *child;
	struct file *file;

	parent = thing_new(test, probe_gadget, NULL);
	child = thing_new(test, probe_gadget, &parent->dev);
	KUNIT_ASSERT_EQ(test, thing_bind(child), 0);
	file = gadget_file(way.gadgets[0]);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);

	parent->ret = e->ret;
	parent->grouped = e->grouped;
	KUNIT_EXPECT_EQ(test, thing_bind(parent), attach_error(e->ret));
	KUNIT_EXPECT_TRUE(test, refuses(way.gadgets[1]));
	KUNIT_EXPECT_FALSE(test, cdevm_is_revoked(&way.gadgets[0]->scope));
	KUNIT_EXPECT_EQ(test, read_file(file), ALIVE);

	/* A parent that is really unbound also ends the files of its children. */
	parent->ret = 0;
	KUNIT_EXPECT_EQ(test, thing_bind(parent), 0);
	KUNIT_EXPECT_EQ(test, read_file(file), ALIVE);
	thing_unbind(parent);
	KUNIT_EXPECT_EQ(test, read_file(file), -ENODEV);
	__fput_sync(file);
}

/* --- a scope for a device that is not the one */

static int probe_names_parent(struct device *dev)
{
	way.wrong = devm_cdevm_create(dev->parent);
	return 0;
}

static int probe_names_grandparent(struct device *dev)
{
	way.wrong = devm_cdevm_create(dev->parent->parent);
	return 0;
}

static const struct wrong_device {
	const char	*name;
	int		(*probe)(struct device *dev);
	bool		bound;
} wrong_devices[] = {
	{ "its parent, which has a driver", probe_names_parent, true },
	{ "its parent, which has none", probe_names_parent, false },
	{ "its grandparent, which has a driver", probe_names_grandparent, true },
};

KUNIT_ARRAY_PARAM_DESC(wrong_device, wrong_devices, name);

static void exit_probe_names_other_device(struct kunit *test)
{
	const struct wrong_device *w = test->param_value;
	struct thing *top, *middle, *child;

	top = thing_new(test, probe_quiet, NULL);
	middle = thing_new(test, probe_quiet, &top->dev);
	child = thing_new(test, w->probe, &middle->dev);
	if (w->bound) {
		KUNIT_ASSERT_EQ(test, thing_bind(top), 0);
		KUNIT_ASSERT_EQ(test, thing_bind(middle), 0);
	}
	EXPECT_WARNING(test, dev_name(&child->dev),
		       KUNIT_EXPECT_EQ(test, thing_bind(child), 0));
	KUNIT_EXPECT_PTR_EQ(test, way.wrong, ERR_PTR(-EINVAL));
	thing_unbind(child);
	/* Nothing was left with the other device. */
	if (w->bound) {
		thing_unbind(middle);
		thing_unbind(top);
	}
	KUNIT_EXPECT_EQ(test, thing_bind(top), 0);
	KUNIT_EXPECT_EQ(test, thing_bind(middle), 0);
}

/* The same while the parent itself is being probed, which makes the child. */
static int probe_makes_child(struct device *dev)
{
	struct kunit *test = way.test;
	struct thing *child;

	if (PTR_ERR_OR_ZERO(gadget_new(dev)))
		return -EINVAL;
	child = thing_new(test, probe_names_parent, dev);
	EXPECT_WARNING(test, dev_name(&child->dev),
		       KUNIT_EXPECT_EQ(test, thing_bind(child), 0));
	KUNIT_EXPECT_PTR_EQ(test, way.wrong, ERR_PTR(-EINVAL));
	/* It may have one of its own, still. */
	return PTR_ERR_OR_ZERO(gadget_new(dev));
}

static void exit_child_names_probed_parent(struct kunit *test)
{
	struct thing *parent = thing_new(test, probe_makes_child, NULL);

	KUNIT_EXPECT_EQ(test, thing_bind(parent), 0);
	KUNIT_EXPECT_EQ(test, way.nr_gadgets, 2);
	thing_unbind(parent);
	EXPECT_NOTES(test, "kick 2", "kick 1", "remove", "hardware 2 goes",
		     "hardware 1 goes");
}

static void exit_scope_without_driver(struct kunit *test)
{
	struct thing *t = thing_new(test, probe_quiet, NULL);

	EXPECT_WARNING(test, dev_name(&t->dev), way.wrong = devm_cdevm_create(&t->dev));
	KUNIT_EXPECT_PTR_EQ(test, way.wrong, ERR_PTR(-EINVAL));
	EXPECT_WARNING(test, dev_name(&t->dev),
		       device_lock(&t->dev);
		       way.wrong = devm_cdevm_create(&t->dev);
		       device_unlock(&t->dev));
	KUNIT_EXPECT_PTR_EQ(test, way.wrong, ERR_PTR(-EINVAL));
	KUNIT_EXPECT_EQ(test, thing_bind(t), 0);
}

/* A bound device may get a scope while its lock is held. */
static void exit_scope_when_bound(struct kunit *test)
{
	struct thing *t = thing_new(test, probe_quiet, NULL);
	struct gadget *g;

	KUNIT_ASSERT_EQ(test, thing_bind(t), 0);
	device_lock(&t->dev);
	g = gadget_new(&t->dev);
	device_unlock(&t->dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, g);
	thing_unbind(t);
	EXPECT_NOTES(test, "kick 1", "remove", "hardware 1 goes");
}

/* --- unpublish actions */

/* A stale action is as bad as a stale devm resource, and is treated the same way. */
/* The debug option reports it, too. */
#define EXPECT_REPORT(test, text, ...)					\
do {									\
	if (IS_ENABLED(CONFIG_RESMGR_DEBUG))				\
		EXPECT_LINE(test, text, __VA_ARGS__);			\
	else								\
		__VA_ARGS__;						\
} while (0)

static void exit_action_after_unbind(struct kunit *test)
{
	struct thing *t = thing_new(test, probe_gadget, NULL);

	KUNIT_ASSERT_EQ(test, thing_bind(t), 0);
	thing_unbind(t);
	EXPECT_NOTES(test, "kick 1", "unpublish", "remove", "hardware 1 goes");
	EXPECT_REPORT(test, "note_action, 0 bytes, is added by ",
		      KUNIT_EXPECT_EQ(test, devm_add_unpublish_action(&t->dev, note_action,
								      "stale"), 0));
	EXPECT_REPORT(test, "note_action, 0 bytes, was added by ",
		      KUNIT_EXPECT_EQ(test, thing_bind(t), -EBUSY));
	/* Which is said once. */
	KUNIT_EXPECT_EQ(test, thing_bind(t), -EBUSY);
	KUNIT_EXPECT_NULL(test, t->dev.driver);
	EXPECT_NO_NOTES(test);

	devm_remove_unpublish_action(&t->dev, note_action, "stale");
	KUNIT_EXPECT_EQ(test, thing_bind(t), 0);
	thing_unbind(t);
	EXPECT_NOTES(test, "kick 2", "unpublish", "remove", "hardware 2 goes");
}

/* Wherever it was added, an action finds that nobody is inside. */
static int probe_actions_between(struct device *dev)
{
	if (devm_add_unpublish_action(dev, note_all_action, "first") ||
	    PTR_ERR_OR_ZERO(gadget_new(dev)) ||
	    devm_add_unpublish_action(dev, note_all_action, "second") ||
	    PTR_ERR_OR_ZERO(gadget_new(dev)))
		return -ENOMEM;
	return devm_add_unpublish_action(dev, note_all_action, "third");
}

static void exit_actions_between_scopes(struct kunit *test)
{
	struct thing *t = thing_new(test, probe_actions_between, NULL);

	KUNIT_ASSERT_EQ(test, thing_bind(t), 0);
	thing_unbind(t);
	EXPECT_NOTES(test, "kick 2", "kick 1", "third", "second", "first", "remove",
		     "hardware 2 goes", "hardware 1 goes");
}

static int writer_main(void *data)
{
	struct file *file = data;
	loff_t pos = 0;

	return file->f_op->write(file, NULL, 0, &pos);
}

/* Start a call that stays inside until it is kicked, and for a while after that. */
static struct task_struct *writer_start(struct kunit *test, struct file *file)
{
	struct task_struct *task = kthread_create(writer_main, file, "cdevm-exit");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	get_task_struct(task);
	wake_up_process(task);
	wait_for_completion(&way.inside);
	return task;
}

static void writer_stop(struct kunit *test, struct task_struct *task)
{
	complete_all(&way.leave);
	KUNIT_EXPECT_EQ(test, kthread_stop(task), ALIVE);
	put_task_struct(task);
}

static void exit_action_waits_for_call(struct kunit *test)
{
	struct thing *t = thing_new(test, probe_gadget, NULL);
	struct task_struct *task;
	struct file *file;

	KUNIT_ASSERT_EQ(test, thing_bind(t), 0);
	file = gadget_file(way.gadgets[0]);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	task = writer_start(test, file);
	thing_unbind(t);
	writer_stop(test, task);
	EXPECT_NOTES(test, "kick 1", "call leaves", "unpublish", "remove",
		     "hardware 1 goes");
	__fput_sync(file);
}

/* The same in a group that is released while the driver stays. */
static int probe_action_in_group(struct device *dev)
{
	struct kunit *test = way.test;
	struct task_struct *task;
	struct gadget *g;
	struct file *file;
	void *id;

	id = devres_open_group(dev, NULL, GFP_KERNEL);
	if (!id)
		return -ENOMEM;
	g = gadget_new(dev);
	if (IS_ERR(g) || devm_add_unpublish_action(dev, unpublish_gadget, g))
		return -ENOMEM;
	file = gadget_file(g);
	if (IS_ERR(file))
		return PTR_ERR(file);
	task = writer_start(test, file);
	devres_release_group(dev, id);
	writer_stop(test, task);
	EXPECT_NOTES(test, "kick 1", "call leaves", "unpublish", "hardware 1 goes");
	__fput_sync(file);
	return 0;
}

static void exit_action_in_group_waits_for_call(struct kunit *test)
{
	struct thing *t = thing_new(test, probe_action_in_group, NULL);

	KUNIT_EXPECT_EQ(test, thing_bind(t), 0);
	thing_unbind(t);
	EXPECT_NOTES(test, "remove");
}

/* --- a driver that unwinds by hand */

/*
 * As drivers do: memory that nobody manages is freed when probe fails, although
 * the node is open and a call is inside.
 */
static int probe_unwinds(struct device *dev)
{
	struct kunit *test = way.test;
	struct task_struct *task;
	struct gadget *g;
	int *reg, ret = -EIO;

	reg = kmalloc_obj(*reg, GFP_KERNEL);
	if (!reg)
		return -ENOMEM;
	*reg = ALIVE;
	g = gadget_new(dev);
	if (IS_ERR(g)) {
		ret = PTR_ERR(g);
		goto err_free;
	}
	g->reg = reg;
	way.file = gadget_file(g);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, way.file);
	task = writer_start(test, way.file);

	cdevm_withdraw(&g->scope);
	KUNIT_EXPECT_TRUE(test, cdevm_is_revoked(&g->scope));
	expect_no_node(test, g, -ENODEV);
	note_all("unwound");
err_free:
	kfree(reg);
	if (!IS_ERR(g))
		writer_stop(test, task);
	return ret;
}

static void exit_withdraw_in_probe(struct kunit *test)
{
	struct thing *t = thing_new(test, probe_unwinds, NULL);

	t->ret = -EIO;
	KUNIT_EXPECT_EQ(test, thing_bind(t), -EIO);
	EXPECT_NOTES(test, "kick 1", "call leaves", "unwound", "dma_cleanup",
		     "hardware 1 goes");
	KUNIT_EXPECT_EQ(test, read_file(way.file), -ENODEV);
	__fput_sync(way.file);
}

static int probe_two_with_actions(struct device *dev)
{
	struct gadget *first = gadget_new(dev), *second = gadget_new(dev);

	if (IS_ERR(first) || IS_ERR(second))
		return -ENOMEM;
	return cdevm_add_kick_action(&second->scope, note_action, "kick action") ?:
	       cdevm_add_stop_action(&second->scope, note_action, "stop action") ?:
	       devm_add_unpublish_action(dev, unpublish_gadget, second);
}

/* One of two scopes ends, once. The other one is not affected. */
static void exit_withdraw_twice(struct kunit *test)
{
	struct thing *t = thing_new(test, probe_two_with_actions, NULL);
	struct gadget *second;
	struct file *file;

	KUNIT_ASSERT_EQ(test, thing_bind(t), 0);
	second = way.gadgets[1];
	file = gadget_file(second);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	device_lock(&t->dev);
	cdevm_withdraw(&second->scope);
	device_unlock(&t->dev);
	EXPECT_NOTES(test, "kick 2", "kick action", "stop action");
	KUNIT_EXPECT_EQ(test, read_file(file), -ENODEV);
	expect_no_node(test, second, -ENODEV);
	cdev_init(&second->spare, &gadget_fops);
	KUNIT_EXPECT_EQ(test, cdevm_add_cdev(&second->scope, &second->spare,
					     way.devt + GADGETS - 1, 1), -ENODEV);
	__fput_sync(file);
	/* The reference of the binding, and that of the test. */
	KUNIT_EXPECT_EQ(test, refcount_read(&second->scope.obj.ref), 2);
	expect_usable(test, way.gadgets[0]);

	device_lock(&t->dev);
	cdevm_withdraw(&second->scope);
	device_unlock(&t->dev);
	EXPECT_NO_NOTES(test);
	KUNIT_EXPECT_EQ(test, refcount_read(&second->scope.obj.ref), 2);

	thing_unbind(t);
	EXPECT_NOTES(test, "kick 1", "unpublish", "remove", "hardware 2 goes",
		     "hardware 1 goes");
	KUNIT_EXPECT_EQ(test, refcount_read(&second->scope.obj.ref), 1);
}

/* In a group that is released after that. */
static int probe_withdraws_in_group(struct device *dev)
{
	struct kunit *test = way.test;
	struct gadget *g;
	void *id;

	id = devres_open_group(dev, NULL, GFP_KERNEL);
	if (!id)
		return -ENOMEM;
	g = gadget_new(dev);
	if (IS_ERR(g))
		return PTR_ERR(g);
	cdevm_withdraw(&g->scope);
	EXPECT_NOTES(test, "kick 1");
	devres_release_group(dev, id);
	EXPECT_NOTES(test, "hardware 1 goes");
	KUNIT_EXPECT_EQ(test, refcount_read(&g->scope.obj.ref), 1);
	return 0;
}

static void exit_withdraw_in_group(struct kunit *test)
{
	struct thing *t = thing_new(test, probe_withdraws_in_group, NULL);

	KUNIT_EXPECT_EQ(test, thing_bind(t), 0);
	thing_unbind(t);
	EXPECT_NOTES(test, "remove");
}

static void stop_when_told(void *unused)
{
	complete(&way.stopping);
	wait_for_completion(&way.stop);
	WRITE_ONCE(way.stopped, true);
}

static int group_releaser(void *dev)
{
	devres_release_group(dev, way.test);
	return 0;
}

static int withdrawer(void *scope)
{
	complete(&way.withdrawing);
	cdevm_withdraw(scope);
	WRITE_ONCE(way.saw_stopped, READ_ONCE(way.stopped));
	return 0;
}

/* Another task is releasing the group, and is in its last step. */
static int probe_withdraws_meanwhile(struct device *dev)
{
	struct task_struct *releaser, *second;
	struct kunit *test = way.test;
	struct gadget *g;

	if (!devres_open_group(dev, test, GFP_KERNEL))
		return -ENOMEM;
	g = gadget_new(dev);
	if (IS_ERR(g) || cdevm_add_stop_action(&g->scope, stop_when_told, NULL))
		return -ENOMEM;
	releaser = kthread_create(group_releaser, dev, "cdevm-exit");
	second = kthread_create(withdrawer, &g->scope, "cdevm-exit");
	if (IS_ERR(releaser) || IS_ERR(second))
		return -ENOMEM;
	get_task_struct(releaser);
	get_task_struct(second);
	wake_up_process(releaser);
	wait_for_completion(&way.stopping);
	wake_up_process(second);
	wait_for_completion(&way.withdrawing);
	msleep(50);
	complete(&way.stop);
	kthread_stop(second);
	kthread_stop(releaser);
	put_task_struct(second);
	put_task_struct(releaser);
	KUNIT_EXPECT_TRUE(test, way.saw_stopped);
	EXPECT_NOTES(test, "kick 1", "hardware 1 goes");
	return 0;
}

static void exit_withdraw_meanwhile(struct kunit *test)
{
	struct thing *t = thing_new(test, probe_withdraws_meanwhile, NULL);

	KUNIT_EXPECT_EQ(test, thing_bind(t), 0);
	thing_unbind(t);
	EXPECT_NOTES(test, "remove");
}

static struct kunit_case exit_cases[] = {
	KUNIT_CASE_PARAM(exit_probe_fails, probe_error_gen_params),
	KUNIT_CASE_PARAM(exit_probe_fails_without_scope, probe_error_gen_params),
	KUNIT_CASE(exit_probe_fails_with_supplier),
	KUNIT_CASE(exit_platform_probe_fails),
	KUNIT_CASE(exit_i2c_probe_fails),
	KUNIT_CASE(exit_i2c_unbind),
	KUNIT_CASE(exit_scope_in_open_group),
	KUNIT_CASE(exit_scope_after_group),
	KUNIT_CASE(exit_group_removed),
	KUNIT_CASE(exit_actions_in_groups),
	KUNIT_CASE(exit_component),
	KUNIT_CASE_PARAM(exit_parent_probe_fails, probe_error_gen_params),
	KUNIT_CASE_PARAM(exit_probe_names_other_device, wrong_device_gen_params),
	KUNIT_CASE(exit_child_names_probed_parent),
	KUNIT_CASE(exit_scope_without_driver),
	KUNIT_CASE(exit_scope_when_bound),
	KUNIT_CASE(exit_action_after_unbind),
	KUNIT_CASE(exit_actions_between_scopes),
	KUNIT_CASE(exit_action_waits_for_call),
	KUNIT_CASE(exit_action_in_group_waits_for_call),
	KUNIT_CASE(exit_withdraw_in_probe),
	KUNIT_CASE(exit_withdraw_twice),
	KUNIT_CASE(exit_withdraw_in_group),
	KUNIT_CASE(exit_withdraw_meanwhile),
	{}
};

static struct kunit_suite exit_suite = {
	.name		= "cdevm-exit",
	.suite_init	= exit_suite_init,
	.suite_exit	= exit_suite_exit,
	.init		= exit_init,
	.exit		= exit_exit,
	.test_cases	= exit_cases,
};

kunit_test_suite(exit_suite);

MODULE_DESCRIPTION("KUnit tests of cdevm: every way out of a driver");
MODULE_LICENSE("GPL");
