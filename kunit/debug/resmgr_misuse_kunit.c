// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the reports of misuse: lib/resmgr/debug/misuse.c
 *
 * A report comes once for each place in the code and driver. So each case has
 * its own device, hence its own driver, and first forgets earlier reports.
 */
#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/cdev.h>
#include <linux/cdevm.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/i2c.h>
#include <linux/irqflags.h>
#include <linux/kobject.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/resmgr_debug.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "../resmgr_kunit.h"

/* A driver's private struct with all that must not be in devm memory. */
struct foo {
	u8		pad[24];
	struct device	dev;
	struct kobject	kobj;
	struct cdev	cdev;
	struct miscdevice misc;
};

static const struct file_operations foo_fops = {
	.owner = THIS_MODULE,
};

static void foo_kobj_release(struct kobject *kobj)
{
}

static const struct kobj_type foo_ktype = {
	.release = foo_kobj_release,
};

static void foo_dev_release(struct device *dev)
{
}

/*
 * A device "CASE.NAME", bound to a driver "NAME". If there is another one in the
 * case it may be bound to the same driver.
 */
static struct device *bound(struct kunit *test, const char *name)
{
	struct device *dev = kunit_device_register(test, name);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	return dev;
}

static struct foo *devm_foo(struct kunit *test, struct device *dev)
{
	struct foo *foo = devm_kzalloc(dev, sizeof(*foo), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, foo);
	return foo;
}

/* With this option an object would be released after its memory was freed. */
static void needs_prompt_release(struct kunit *test)
{
	if (IS_ENABLED(CONFIG_DEBUG_KOBJECT_RELEASE))
		kunit_skip(test, "DEBUG_KOBJECT_RELEASE is on");
}

static void expect_begin(struct kunit *test, struct wanted *wanted, char *text,
			 size_t size, const char *what, const char *name,
			 size_t offset)
{
	snprintf(text, size,
		 "resmgr: devm %s.%s (%s): %s at offset %zu of %s, %zu bytes, added by foo_probe+",
		 test->name, name, name, what, offset, "devm_kzalloc_release",
		 sizeof(struct foo));
	__wanted_begin(wanted, text, "resmgr: devm ");
}

/*
 * Run the statements, which have to lead to one report, of a @_what in the struct
 * foo of the device @name.
 */
#define EXPECT_REPORT(_test, _what, name, member, ...)			\
do {									\
	struct kunit *__test = (_test);					\
	struct wanted __wanted;						\
	char __text[200];						\
									\
	expect_begin(__test, &__wanted, __text, sizeof(__text), _what,	\
		     name, offsetof(struct foo, member));		\
	__VA_ARGS__;							\
	__wanted_end(__test, &__wanted, 0, 1);				\
} while (0)

/* Run the statements, which must not lead to a report. */
#define EXPECT_QUIET(_test, ...)					\
do {									\
	struct kunit *__test = (_test);					\
	struct wanted __wanted = {					\
		.probe = { .name = "console", .fn = wanted_probe },	\
		.text = "resmgr: ",					\
	};								\
									\
	__wanted.watched = probe_register(&__wanted.probe, &__wanted);	\
	__VA_ARGS__;							\
	probe_unregister(&__wanted.probe);				\
	KUNIT_EXPECT_EQ(__test, atomic_read(&__wanted.warnings), 0);	\
	KUNIT_EXPECT_EQ(__test, atomic_read(&__wanted.matches), 0);	\
} while (0)

/*
 * The report has to name this function. Its name must not begin like that of a
 * managed interface, or it would be taken for one.
 */
static noinline struct foo *foo_probe(struct device *dev)
{
	struct foo *foo = devm_kzalloc(dev, sizeof(*foo), GFP_KERNEL);

	/* No tail call, which would leave no trace of this function. */
	barrier();
	return foo;
}

static void misuse_misc(struct kunit *test)
{
	struct device *dev = bound(test, "misuse-misc");
	struct foo *foo = foo_probe(dev);

	KUNIT_ASSERT_NOT_NULL(test, foo);
	foo->misc.minor = MISC_DYNAMIC_MINOR;
	foo->misc.name = "misuse-misc-node";
	foo->misc.fops = &foo_fops;
	EXPECT_REPORT(test, "struct miscdevice", "misuse-misc", misc,
		      KUNIT_EXPECT_EQ(test, misc_register(&foo->misc), 0));
	misc_deregister(&foo->misc);
}

/* One report, and not another one for the kobject in it. */
static void misuse_cdev(struct kunit *test)
{
	struct device *dev = bound(test, "misuse-cdev");
	struct foo *foo = foo_probe(dev);
	dev_t devt;

	needs_prompt_release(test);
	KUNIT_ASSERT_NOT_NULL(test, foo);
	KUNIT_ASSERT_EQ(test, alloc_chrdev_region(&devt, 0, 1, "misuse-cdev"), 0);
	EXPECT_REPORT(test, "struct cdev", "misuse-cdev", cdev,
		      cdev_init(&foo->cdev, &foo_fops);
		      KUNIT_EXPECT_EQ(test, cdev_add(&foo->cdev, devt, 1), 0));
	cdev_del(&foo->cdev);
	unregister_chrdev_region(devt, 1);
}

static void misuse_cdev_device(struct kunit *test)
{
	struct device *dev = bound(test, "misuse-cdev-device");
	struct foo *foo = foo_probe(dev);
	struct device *node;
	dev_t devt;

	needs_prompt_release(test);
	KUNIT_ASSERT_NOT_NULL(test, foo);
	node = kunit_kzalloc(test, sizeof(*node), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, node);
	KUNIT_ASSERT_EQ(test, alloc_chrdev_region(&devt, 0, 1, "misuse-cdev"), 0);
	EXPECT_QUIET(test, device_initialize(node));
	node->release = foo_dev_release;
	node->devt = devt;
	KUNIT_ASSERT_EQ(test, dev_set_name(node, "misuse-cdev-node"), 0);
	EXPECT_REPORT(test, "struct cdev", "misuse-cdev-device", cdev,
		      cdev_init(&foo->cdev, &foo_fops);
		      KUNIT_EXPECT_EQ(test, cdev_device_add(&foo->cdev, node), 0));
	cdev_device_del(&foo->cdev, node);
	put_device(node);
	unregister_chrdev_region(devt, 1);
}

static void misuse_kobject(struct kunit *test)
{
	struct device *dev = bound(test, "misuse-kobject");
	struct foo *foo = foo_probe(dev);

	KUNIT_ASSERT_NOT_NULL(test, foo);
	EXPECT_REPORT(test, "struct kobject", "misuse-kobject", kobj,
		      kobject_init(&foo->kobj, &foo_ktype));
}

/* One report, and not another one for the kobject in it. */
static void misuse_device(struct kunit *test)
{
	struct device *dev = bound(test, "misuse-device");
	struct foo *foo = foo_probe(dev);

	KUNIT_ASSERT_NOT_NULL(test, foo);
	EXPECT_REPORT(test, "struct device", "misuse-device", dev,
		      device_initialize(&foo->dev));
}

/*
 * There is no media in the kernels that this is for: what __video_register_device()
 * calls first.
 */
static void misuse_video(struct kunit *test)
{
	struct device *dev = bound(test, "misuse-video");
	struct foo *foo = foo_probe(dev);

	KUNIT_ASSERT_NOT_NULL(test, foo);
	EXPECT_REPORT(test, "struct video_device", "misuse-video", pad,
		      resmgr_check_object(foo, RESMGR_USE_VIDEO));
}

static noinline void foo_init_kobject(struct foo *foo)
{
	kobject_init(&foo->kobj, &foo_ktype);
	barrier();
}

static noinline int foo_add_kobject(struct foo *foo)
{
	int ret = kobject_init_and_add(&foo->kobj, &foo_ktype, NULL, "misuse");

	barrier();
	return ret;
}

/* The report names the caller, and what to do instead. */
static void misuse_blame(struct kunit *test)
{
	struct device *dev = bound(test, "misuse-blame");
	struct foo *foo = foo_probe(dev);

	needs_prompt_release(test);
	KUNIT_ASSERT_NOT_NULL(test, foo);
	EXPECT_LINE(test, "; given away by foo_init_kobject+",
		    foo_init_kobject(foo));
	/* Through another function of the core, the same. */
	memset(&foo->kobj, 0, sizeof(foo->kobj));
	EXPECT_LINE(test, "; given away by foo_add_kobject+",
		    KUNIT_EXPECT_EQ(test, foo_add_kobject(foo), 0));
	kobject_put(&foo->kobj);
	foo->misc.minor = MISC_DYNAMIC_MINOR;
	foo->misc.name = "misuse-blame-node";
	foo->misc.fops = &foo_fops;
	EXPECT_LINE(test, "use devm_cdevm_alloc() and cdevm_register_misc()",
		    KUNIT_EXPECT_EQ(test, misc_register(&foo->misc), 0));
	misc_deregister(&foo->misc);
}

static struct kobject static_kobj;

static void misuse_not(struct kunit *test)
{
	struct device *dev = bound(test, "misuse-not");
	struct foo *foo;

	/* So that there is something in the index. */
	devm_foo(test, dev);

	foo = kunit_kzalloc(test, sizeof(*foo), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, foo);
	foo->misc.minor = MISC_DYNAMIC_MINOR;
	foo->misc.name = "misuse-not-node";
	foo->misc.fops = &foo_fops;
	memset(&static_kobj, 0, sizeof(static_kobj));
	EXPECT_QUIET(test,
		     kobject_init(&foo->kobj, &foo_ktype);
		     kobject_init(&static_kobj, &foo_ktype);
		     device_initialize(&foo->dev);
		     resmgr_check_object(foo, RESMGR_USE_VIDEO);
		     resmgr_check_object(NULL, RESMGR_USE_VIDEO);
		     KUNIT_EXPECT_EQ(test, misc_register(&foo->misc), 0));
	misc_deregister(&foo->misc);
}

/* Memory of a scope is where such objects belong. */
static void misuse_not_scope(struct kunit *test)
{
	struct device *dev = bound(test, "misuse-not-scope");
	struct cdevm_scope *scope;
	struct foo *foo;

	if (!IS_ENABLED(CONFIG_CDEVM))
		kunit_skip(test, "needs CDEVM");
	scope = devm_cdevm_create(dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, scope);
	foo = cdevm_kzalloc(scope, sizeof(*foo), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, foo);
	foo->misc.minor = MISC_DYNAMIC_MINOR;
	foo->misc.name = "misuse-not-scope-node";
	foo->misc.fops = &foo_fops;
	EXPECT_QUIET(test,
		     kobject_init(&foo->kobj, &foo_ktype);
		     KUNIT_EXPECT_EQ(test, cdevm_register_misc(scope, &foo->misc), 0));
}

/* Where a block of memory begins and ends, among others. */
static void misuse_bounds(struct kunit *test)
{
	static const size_t sizes[] = { 1, 8, 100, 4096, 3 * PAGE_SIZE };
	struct device *dev = bound(test, "misuse-bounds");
	u8 *mem[2 * ARRAY_SIZE(sizes)];
	int i;

	for (i = 0; i < ARRAY_SIZE(mem); i++) {
		mem[i] = devm_kmalloc(dev, sizes[i / 2], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, mem[i]);
	}
	for (i = 0; i < ARRAY_SIZE(mem); i++) {
		EXPECT_QUIET(test,
			     resmgr_check_object(mem[i] - 1, RESMGR_USE_VIDEO);
			     resmgr_check_object(mem[i] + sizes[i / 2],
						 RESMGR_USE_VIDEO));
	}
	EXPECT_LINE(test, " at offset 0 of devm_kzalloc_release, 100 bytes",
		    resmgr_check_object(mem[4], RESMGR_USE_VIDEO));
	EXPECT_LINE(test, " at offset 4095 of devm_kzalloc_release, 4096 bytes",
		    resmgr_check_object(mem[7] + 4095, RESMGR_USE_VIDEO));
}

/* There is no report of memory that was devm memory, or will be. */
static void misuse_gone(struct kunit *test)
{
	struct device *dev = bound(test, "misuse-gone");
	void *mem, *more, *group, *other;
	unsigned long pages;

	mem = devm_kmalloc(dev, 64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	devm_kfree(dev, mem);
	EXPECT_QUIET(test, resmgr_check_object(mem, RESMGR_USE_VIDEO));

	mem = devm_kmalloc(dev, 64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	more = devm_krealloc(dev, mem, 4 * PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, more);
	EXPECT_QUIET(test, resmgr_check_object(mem, RESMGR_USE_VIDEO));
	EXPECT_LINE(test, " at offset 5000 of devm_kzalloc_release",
		    resmgr_check_object(more + 5000, RESMGR_USE_VIDEO));

	group = devres_open_group(dev, NULL, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, group);
	mem = devm_kmalloc(dev, 64, GFP_KERNEL);
	other = devm_kmalloc(dev, 64, GFP_KERNEL);
	pages = devm_get_free_pages(dev, GFP_KERNEL, 1);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	KUNIT_ASSERT_NOT_NULL(test, other);
	KUNIT_ASSERT_NE(test, pages, 0);
	EXPECT_LINE(test, " at offset 4196 of devm_pages_release, 8192 bytes",
		    resmgr_check_object((void *)pages + PAGE_SIZE + 100,
					RESMGR_USE_VIDEO));
	devres_release_group(dev, group);
	EXPECT_QUIET(test,
		     resmgr_check_object(mem, RESMGR_USE_VIDEO);
		     resmgr_check_object(other, RESMGR_USE_VIDEO);
		     resmgr_check_object((void *)pages + PAGE_SIZE,
					 RESMGR_USE_VIDEO));
}

/* Memory that has grown in place, and memory that is released in a batch. */
static void misuse_grown(struct kunit *test)
{
	struct device *dev = bound(test, "misuse-grown");
	void *mem, *more, *row[3];
	int i;

	mem = devm_kmalloc(dev, 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	EXPECT_QUIET(test, resmgr_check_object(mem + 1, RESMGR_USE_VIDEO));
	more = devm_krealloc(dev, mem, 2, GFP_KERNEL);
	KUNIT_ASSERT_PTR_EQ(test, more, mem);
	EXPECT_LINE(test, " at offset 1 of devm_kzalloc_release, 2 bytes",
		    resmgr_check_object(mem + 1, RESMGR_USE_VIDEO));
	devm_kfree(dev, mem);
	EXPECT_QUIET(test, resmgr_check_object(mem, RESMGR_USE_VIDEO));

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		row[i] = devm_kmalloc(dev, 64, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, row[i]);
	}
	kunit_device_unregister(test, dev);
	for (i = 0; i < ARRAY_SIZE(row); i++)
		EXPECT_QUIET(test, resmgr_check_object(row[i], RESMGR_USE_VIDEO));
}

static void res_release(struct device *dev, void *res)
{
}

static int res_match(struct device *dev, void *res, void *data)
{
	return res == data;
}

/* What devres_alloc() gives is devm memory from devres_add() on. */
static void misuse_devres(struct kunit *test)
{
	struct device *dev = bound(test, "misuse-devres");
	void *res = devres_alloc(res_release, 64, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, res);
	EXPECT_QUIET(test, resmgr_check_object(res, RESMGR_USE_VIDEO));
	devres_add(dev, res);
	EXPECT_LINE(test, " at offset 8 of res_release, 64 bytes",
		    resmgr_check_object(res + 8, RESMGR_USE_VIDEO));
	KUNIT_EXPECT_PTR_EQ(test, devres_remove(dev, res_release, res_match, res), res);
	EXPECT_QUIET(test, resmgr_check_object(res + 8, RESMGR_USE_VIDEO));
	devres_free(res);
}

static noinline void one_place(void *object)
{
	resmgr_check_object(object, RESMGR_USE_VIDEO);
	barrier();
}

/* The index works in any context, and does not change whether interrupts are off. */
static void misuse_atomic(struct kunit *test)
{
	struct device *dev = bound(test, "misuse-atomic");
	static DEFINE_SPINLOCK(lock);
	struct foo *foo;
	bool off;

	spin_lock_irq(&lock);
	foo = devm_kzalloc(dev, sizeof(*foo), GFP_ATOMIC);
	if (foo) {
		resmgr_check_object((u8 *)foo - 1, RESMGR_USE_VIDEO);
		devm_kfree(dev, foo);
	}
	off = irqs_disabled();
	spin_unlock_irq(&lock);
	KUNIT_EXPECT_NOT_NULL(test, foo);
	/* Not on PREEMPT_RT, where nothing of this is called with a raw spinlock held. */
	KUNIT_EXPECT_EQ(test, off, !IS_ENABLED(CONFIG_PREEMPT_RT));
}

struct churn {
	struct device	*dev;
	void		*known;
	bool		failed;
};

static int churn(void *data)
{
	struct churn *c = data;
	void *mem[8] = {};
	unsigned int i = 0;

	while (!kthread_should_stop()) {
		/* Its own memory comes and goes. The known memory stays in the index. */
		if (mem[i % 8])
			devm_kfree(c->dev, mem[i % 8]);
		mem[i % 8] = devm_kmalloc(c->dev, 16 << (i % 5), GFP_KERNEL);
		if (!mem[i % 8])
			WRITE_ONCE(c->failed, true);
		one_place(c->known);
		i++;
		cond_resched();
	}
	for (i = 0; i < 8; i++)
		if (mem[i])
			devm_kfree(c->dev, mem[i]);
	return 0;
}

static bool churn_for_a_while(struct churn *c, unsigned int count)
{
	struct task_struct *tasks[2];
	bool ran = true;
	unsigned int i;

	for (i = 0; i < count; i++)
		tasks[i] = kthread_run(churn, &c[i], "misuse-churn");
	msleep(200);
	for (i = 0; i < count; i++) {
		ran &= !IS_ERR(tasks[i]);
		if (!IS_ERR(tasks[i]))
			kthread_stop(tasks[i]);
		ran &= !c[i].failed;
	}
	return ran;
}

static void misuse_churn(struct kunit *test)
{
	struct device *dev = bound(test, "misuse-churn");
	struct device *other = bound(test, "misuse-churn-2");
	void *known = devm_foo(test, dev);
	struct churn c[2] = {
		{ .dev = dev, .known = known },
		{ .dev = other, .known = known },
	};

	/* From here on it was reported, so it is not reported again. */
	EXPECT_LINE(test, ".misuse-churn (misuse-churn): ", one_place(known));
	EXPECT_QUIET(test, KUNIT_EXPECT_TRUE(test, churn_for_a_while(c, ARRAY_SIZE(c))));
	devm_kfree(dev, known);
	EXPECT_QUIET(test, resmgr_check_object(known, RESMGR_USE_VIDEO));
}

/* Devices without a driver. */
static void nothing(void *unused)
{
}

/* Adds a resource that it should not. */
static noinline int late_add(struct device *dev)
{
	int ret = devm_add_action(dev, nothing, NULL);

	barrier();
	return ret;
}

static int late_probe(struct platform_device *pdev)
{
	return devm_add_action(&pdev->dev, nothing, NULL);
}

/* One for each case: DEBUG_KOBJECT_RELEASE keeps a name in use for a while. */
static struct platform_driver lost_driver = {
	.probe	= late_probe,
	.driver	= {
		.name = "misuse-lost",
	},
};

static struct platform_driver other_driver = {
	.probe	= late_probe,
	.driver	= {
		.name = "misuse-other",
	},
};

static struct platform_driver refused_driver = {
	.probe	= late_probe,
	.driver	= {
		.name = "misuse-late",
	},
};

static struct platform_device *late_device(struct kunit *test, const char *name)
{
	struct platform_device *pdev;

	pdev = platform_device_register_simple(name, PLATFORM_DEVID_NONE, NULL, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pdev);
	return pdev;
}

static void three_times(void *object)
{
	int i;

	for (i = 0; i < 3; i++)
		one_place(object);
}

static void misuse_once(struct kunit *test)
{
	struct device *dev = bound(test, "misuse-once");
	struct platform_device *pdev = late_device(test, "misuse-other");
	struct foo *foo, *other;

	KUNIT_EXPECT_EQ(test, platform_driver_register(&other_driver), 0);
	wait_for_device_probe();
	KUNIT_EXPECT_TRUE(test, device_is_bound(&pdev->dev));
	foo = devm_foo(test, dev);
	other = devm_foo(test, &pdev->dev);

	EXPECT_LINE(test, ".misuse-once (misuse-once): struct video_device ",
		    three_times(&foo->misc));
	/* The same place on behalf of another driver. */
	EXPECT_LINE(test, "resmgr: devm misuse-other (misuse-other): ",
		    three_times(&other->misc));
	/* Another place. */
	EXPECT_LINE(test, ".misuse-once (misuse-once): struct video_device ",
		    resmgr_check_object(&foo->misc, RESMGR_USE_VIDEO));
	platform_driver_unregister(&other_driver);
	platform_device_unregister(pdev);
}

static void misuse_unbound(struct kunit *test)
{
	struct platform_device *pdev = late_device(test, "misuse-lost");
	int i;

	KUNIT_ASSERT_EQ(test, platform_driver_register(&lost_driver), 0);
	wait_for_device_probe();
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_TRUE(test, device_is_bound(&pdev->dev));
		EXPECT_QUIET(test,
			     KUNIT_EXPECT_EQ(test, devm_add_action(&pdev->dev, nothing, pdev), 0));
		device_release_driver(&pdev->dev);
		/* And once more, when there was a driver before. */
		if (!i)
			KUNIT_EXPECT_EQ(test, device_attach(&pdev->dev), 1);
	}
	EXPECT_LINE(test, "resmgr: devm misuse-lost: nothing, 0 bytes, is added by late_add+",
		    KUNIT_EXPECT_EQ(test, late_add(&pdev->dev), 0));
	platform_driver_unregister(&lost_driver);
	platform_device_unregister(pdev);
}

static void nothing_more(void *dev)
{
	devm_add_action(dev, nothing, NULL);
}

/* A device that is driven without a driver: that is allowed. */
static void misuse_not_unbound(struct kunit *test)
{
	struct platform_device *pdev = late_device(test, "misuse-none");
	struct device *root;

	/* One that is on no bus is never bound. */
	root = root_device_register("misuse-root");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, root);
	EXPECT_QUIET(test,
		     KUNIT_EXPECT_EQ(test, devm_add_action(root, nothing, NULL), 0);
		     root_device_unregister(root);
		     KUNIT_EXPECT_EQ(test, devm_add_action(&pdev->dev, nothing_more,
							   &pdev->dev), 0);
		     platform_device_unregister(pdev));
}

/* A resource that is there before a driver keeps it from being probed. */
static void misuse_leftovers(struct kunit *test)
{
	struct platform_device *pdev = late_device(test, "misuse-late");

	EXPECT_QUIET(test, KUNIT_EXPECT_EQ(test, late_add(&pdev->dev), 0));
	EXPECT_LINE(test, "resmgr: devm misuse-late: nothing, 0 bytes, was added by late_add+",
		    KUNIT_EXPECT_EQ(test, platform_driver_register(&refused_driver), 0);
		    wait_for_device_probe());
	KUNIT_EXPECT_FALSE(test, device_is_bound(&pdev->dev));
	platform_driver_unregister(&refused_driver);
	platform_device_unregister(pdev);
}

/* If the owner waits for the release of the object, it may be in such memory. */
static void misuse_not_awaited(struct kunit *test)
{
	struct device *dev = bound(test, "misuse-not-awaited");
	struct foo *foo = devm_foo(test, dev);

	resmgr_release_is_awaited(&foo->dev.kobj);
	resmgr_release_is_awaited(&foo->kobj);
	EXPECT_QUIET(test,
		     device_initialize(&foo->dev);
		     kobject_init(&foo->kobj, &foo_ktype));
	/* The owner waits for one object. Others in the same memory are reported. */
	memset(&foo->kobj, 0, sizeof(foo->kobj));
	EXPECT_LINE(test, " (misuse-not-awaited): struct kobject at offset ",
		    kobject_init(&foo->kobj, &foo_ktype));
}

#if IS_REACHABLE(CONFIG_I2C)
static u32 adapter_functionality(struct i2c_adapter *adapter)
{
	return 0;
}

static const struct i2c_algorithm adapter_algorithm = {
	.functionality	= adapter_functionality,
};

/* An adapter is an object in its driver's memory, by design. */
static void misuse_not_i2c(struct kunit *test)
{
	struct device *dev = bound(test, "misuse-not-i2c");
	struct i2c_adapter *adapter;

	adapter = devm_kzalloc(dev, sizeof(*adapter), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, adapter);
	strscpy(adapter->name, "misuse");
	adapter->owner = THIS_MODULE;
	adapter->algo = &adapter_algorithm;
	adapter->dev.parent = dev;
	EXPECT_QUIET(test, KUNIT_EXPECT_EQ(test, i2c_add_adapter(adapter), 0));
	i2c_del_adapter(adapter);
}
#else
static void misuse_not_i2c(struct kunit *test)
{
	kunit_skip(test, "needs I2C");
}
#endif

/*
 * Have the device of @foo driven by another driver, as far as a report can tell,
 * and report from one place.
 */
static void one_place_for(struct device *dev, struct foo *foo, const char *name)
{
	/* Each time at the same address. */
	static struct device_driver drv;
	struct device_driver *was;

	device_lock(dev);
	was = (struct device_driver *)dev->driver;
	drv.bus = dev->bus;
	drv.name = name;
	dev->driver = &drv;
	one_place(&foo->misc);
	dev->driver = was;
	device_unlock(dev);
}

/* One driver is gone, and another is at its address. */
static void misuse_again(struct kunit *test)
{
	struct device *dev = bound(test, "misuse-again");
	struct foo *foo = devm_foo(test, dev);

	EXPECT_LINE(test, " (misuse-first): ", one_place_for(dev, foo, "misuse-first"));
	EXPECT_LINE(test, " (misuse-second): ", one_place_for(dev, foo, "misuse-second"));
	EXPECT_QUIET(test, one_place_for(dev, foo, "misuse-first"));
}

/* When the table of reports is full, that is logged once. */
static void misuse_many(struct kunit *test)
{
	struct device *dev = bound(test, "misuse-many");
	struct foo *foo = devm_foo(test, dev);
	char name[24];
	int i;

	pr_info("kunit: allow resmgr: devm\n");
	for (i = 0; i < 128; i++) {
		snprintf(name, sizeof(name), "misuse-%d", i);
		one_place_for(dev, foo, name);
	}
	pr_info("kunit: allow-end\n");
	EXPECT_QUIET(test, one_place_for(dev, foo, name));
	EXPECT_LINE(test, "resmgr: 128 faults with devm resources were reported, no more of these",
		    one_place_for(dev, foo, "misuse-128"));
	EXPECT_QUIET(test, one_place_for(dev, foo, "misuse-129");
		     one_place_for(dev, foo, name));
}

static int misuse_init(struct kunit *test)
{
	resmgr_misuse_forget();
	return 0;
}

static struct kunit_case misuse_cases[] = {
	KUNIT_CASE(misuse_misc),
	KUNIT_CASE(misuse_cdev),
	KUNIT_CASE(misuse_cdev_device),
	KUNIT_CASE(misuse_kobject),
	KUNIT_CASE(misuse_device),
	KUNIT_CASE(misuse_video),
	KUNIT_CASE(misuse_blame),
	KUNIT_CASE(misuse_not),
	KUNIT_CASE(misuse_not_scope),
	KUNIT_CASE(misuse_not_awaited),
	KUNIT_CASE(misuse_not_i2c),
	KUNIT_CASE(misuse_bounds),
	KUNIT_CASE(misuse_gone),
	KUNIT_CASE(misuse_grown),
	KUNIT_CASE(misuse_devres),
	KUNIT_CASE(misuse_once),
	KUNIT_CASE(misuse_again),
	KUNIT_CASE(misuse_many),
	KUNIT_CASE(misuse_atomic),
	KUNIT_CASE(misuse_churn),
	KUNIT_CASE(misuse_unbound),
	KUNIT_CASE(misuse_not_unbound),
	KUNIT_CASE(misuse_leftovers),
	{}
};

static struct kunit_suite misuse_suite = {
	.name		= "resmgr-devm-memory",
	.init		= misuse_init,
	.test_cases	= misuse_cases,
};

kunit_test_suite(misuse_suite);

MODULE_DESCRIPTION("KUnit tests of the warnings about devm memory");
/* MODULE_IMPORT_NS() takes a string in newer kernels only. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
MODULE_LICENSE("GPL");
