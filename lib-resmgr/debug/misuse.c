// SPDX-License-Identifier: GPL-2.0
/*
 * Resource manager: report misuse of devm resources
 */

/**
 * DOC: misuse
 *
 * With RESMGR_DEBUG two kinds of misuse are reported. Each report is a line in
 * the log, not a WARN, as nothing is wrong in the running kernel yet. It comes
 * once for each place in the code and each driver: a place in a subsystem may
 * register objects for many drivers.
 *
 * The first is an object that others can hold (a kobject with a reference, a
 * node with an open file) in memory that is freed when a driver is unbound. To
 * find it by its address alone, there is an index of such memory: a tree
 * through the nodes of managers whose class has a &resmgr_class.dev. It
 * allocates no memory, so it cannot fail. A node is in the index exactly as
 * long as it is on its manager. So what is found there is not being freed, and
 * neither is its owner.
 *
 * The second is a resource of a device that has no driver. It is released with
 * those of the next driver, and until then no driver can be probed.
 */
#include <kunit/visibility.h>
#include <linux/array_size.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/jhash.h>
#include <linux/kobject.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/resmgr_debug.h>
#include <linux/string.h>

#include "../internal.h"
#include "debugfs.h"

/*
 * Protects resmgr_blocks and the @block of the nodes in it. Taken under the
 * lock of a manager, or alone; a leaf. Interrupts are off, as memory is
 * allocated in any context.
 */
static DEFINE_SPINLOCK(resmgr_blocks_lock);
static struct rb_root resmgr_blocks = RB_ROOT;

static bool resmgr_is_block(const struct resmgr *mgr,
			    const struct resmgr_node *node)
{
	return mgr->class->dev &&
	       (node->kind == RESMGR_DATA || node->kind == RESMGR_MEM ||
		node->kind == RESMGR_PAGES);
}

static unsigned long resmgr_block_begin(const struct resmgr_node *node)
{
	if (node->kind == RESMGR_PAGES)
		return (unsigned long)container_of(node, struct resmgr_action,
						   node)->data & PAGE_MASK;
	return (unsigned long)container_of(node, struct resmgr_data, node)->data;
}

static struct resmgr_node *resmgr_to_block(const struct rb_node *rb)
{
	return rb_entry(rb, struct resmgr_node, block);
}

static bool resmgr_block_less(struct rb_node *a, const struct rb_node *b)
{
	return resmgr_block_begin(resmgr_to_block(a)) <
	       resmgr_block_begin(resmgr_to_block(b));
}

/*
 * Returns the block of memory that an address is in, or %NULL. Blocks do not
 * overlap.
 */
static struct resmgr_node *resmgr_find_block(unsigned long addr)
{
	struct rb_node *rb = resmgr_blocks.rb_node;
	struct resmgr_node *node;
	unsigned long begin;

	lockdep_assert_held(&resmgr_blocks_lock);

	while (rb) {
		node = resmgr_to_block(rb);
		begin = resmgr_block_begin(node);
		if (addr < begin)
			rb = rb->rb_left;
		else if (addr - begin >= READ_ONCE(node->size))
			rb = rb->rb_right;
		else
			return node;
	}
	return NULL;
}

static void resmgr_index(struct resmgr *mgr, struct resmgr_node *node)
{
	lockdep_assert_held(&mgr->lock);

	if (!mgr->class->dev)
		return;
	node->mgr = mgr;
	if (!resmgr_is_block(mgr, node))
		return;
	spin_lock(&resmgr_blocks_lock);
	rb_add(&node->block, &resmgr_blocks, resmgr_block_less);
	spin_unlock(&resmgr_blocks_lock);
}

static void resmgr_unindex(struct resmgr *mgr, struct resmgr_node *node)
{
	lockdep_assert_held(&mgr->lock);

	if (!resmgr_is_block(mgr, node))
		return;
	spin_lock(&resmgr_blocks_lock);
	rb_erase(&node->block, &resmgr_blocks);
	spin_unlock(&resmgr_blocks_lock);
}

/**
 * struct resmgr_site - a misuse that was reported
 * @where: the place in the code
 * @drv: driver of the device, or 0
 *
 * Both are hashes of names: another driver, or another module, may be at the
 * same address later.
 */
struct resmgr_site {
	u32	where;
	u32	drv;
};

/* Protects the variables below. A leaf. */
static DEFINE_SPINLOCK(resmgr_sites_lock);
static struct resmgr_site resmgr_sites[128];
static unsigned int resmgr_sites_count;
static bool resmgr_sites_full;

static u32 resmgr_driver_id(const struct device_driver *drv)
{
	u32 id;

	if (!drv)
		return 0;
	id = drv->bus ? jhash(drv->bus->name, strlen(drv->bus->name), 0) : 0;
	return jhash(drv->name, strlen(drv->name), id);
}

/*
 * Returns true for the first report of a misuse. Logs when the table is full.
 */
static bool resmgr_is_news(unsigned long where, u32 drv)
{
	struct resmgr_site site = { .drv = drv };
	bool news = false, full = false;
	unsigned long flags;
	unsigned int i;
	char place[128];

	/* Includes the module; a longer name is cut. */
	site.where = jhash(place, scnprintf(place, sizeof(place), "%pS",
					    (void *)where), 0);

	spin_lock_irqsave(&resmgr_sites_lock, flags);
	for (i = 0; i < resmgr_sites_count; i++)
		if (resmgr_sites[i].where == site.where &&
		    resmgr_sites[i].drv == site.drv)
			break;
	if (i < ARRAY_SIZE(resmgr_sites) && i == resmgr_sites_count) {
		resmgr_sites[resmgr_sites_count++] = site;
		news = true;
	} else if (i == resmgr_sites_count && !resmgr_sites_full) {
		resmgr_sites_full = true;
		full = true;
	}
	spin_unlock_irqrestore(&resmgr_sites_lock, flags);

	if (full)
		pr_warn("resmgr: %zu faults with devm resources were reported, no more of these are reported\n",
			ARRAY_SIZE(resmgr_sites));
	return news;
}

#if IS_ENABLED(CONFIG_KUNIT)
/* For tests: forget all earlier reports. */
void resmgr_misuse_forget(void)
{
	unsigned long flags;

	spin_lock_irqsave(&resmgr_sites_lock, flags);
	resmgr_sites_count = 0;
	resmgr_sites_full = false;
	spin_unlock_irqrestore(&resmgr_sites_lock, flags);
}
EXPORT_SYMBOL_IF_KUNIT(resmgr_misuse_forget);
#endif

/**
 * struct resmgr_finding - copy of data to report, valid after unlocking
 * @drv: driver of the device, as in &struct resmgr_site
 * @owner: name of the device
 * @driver: name of its driver
 * @name: name of the resource
 * @offset: offset of the object in the memory
 * @caller: who added the resource
 * @size: size of the resource
 */
struct resmgr_finding {
	u32		drv;
	char		owner[48];
	char		driver[32];
	char		name[48];
	unsigned long	offset;
	unsigned long	caller;
	u32		size;
};

/* Called with a lock held that keeps @node on @mgr. */
static void resmgr_copy_finding(struct resmgr_finding *found,
				const struct resmgr *mgr,
				const struct resmgr_node *node)
{
	const struct device_driver *drv = READ_ONCE(mgr->class->dev(mgr)->driver);

	found->drv = resmgr_driver_id(drv);
	strscpy(found->owner, resmgr_owner_name(mgr));
	strscpy(found->driver, drv ? drv->name : "no driver");
	strscpy(found->name, node->name ?: "(unnamed)");
	found->caller = node->caller;
	found->size = node->size;
}

/* Report texts for an object: what it is, and what to do instead. */
static const struct {
	const char *what;
	const char *instead;
} resmgr_uses[] = {
	[RESMGR_USE_KOBJECT] = { "struct kobject",
		"kzalloc() it, and free it in the release function of its type" },
	[RESMGR_USE_DEVICE] = { "struct device",
		"kzalloc() it, and free it in its release function" },
	[RESMGR_USE_CDEV] = { "struct cdev",
		"use devm_cdevm_alloc() and cdevm_add_cdev()" },
	[RESMGR_USE_MISC] = { "struct miscdevice",
		"use devm_cdevm_alloc() and cdevm_register_misc()" },
	[RESMGR_USE_VIDEO] = { "struct video_device",
		"use devm_cdevm_alloc() and cdevm_video_register_device()" },
};

/* Returns true if the owner of the memory waits for the release of @object. */
static bool resmgr_is_awaited(const void *object, enum resmgr_use use)
{
	const struct kobject *kobj = object;

	if (use == RESMGR_USE_DEVICE)
		kobj = &((const struct device *)object)->kobj;
	else if (use != RESMGR_USE_KOBJECT)
		return false;
	return kobj->release_awaited;
}

/**
 * __resmgr_check_object() - report an object in memory that is freed at unbind
 * @object: the object
 * @use: what it is about to become
 * @caller: return address of the function that checks
 *
 * Context: Any context but NMI.
 */
void __resmgr_check_object(const void *object, enum resmgr_use use,
			   unsigned long caller)
{
	/* These check for themselves, and report more. */
	static const char * const kobjects[] = { "cdev_init", "device_initialize" };
	struct resmgr_finding found;
	struct resmgr_node *node;
	unsigned long flags;

	spin_lock_irqsave(&resmgr_blocks_lock, flags);
	node = resmgr_find_block((unsigned long)object);
	if (node) {
		found.offset = (unsigned long)object - resmgr_block_begin(node);
		resmgr_copy_finding(&found, node->mgr, node);
	}
	spin_unlock_irqrestore(&resmgr_blocks_lock, flags);

	if (likely(!node) || resmgr_is_awaited(object, use))
		return;
	if (use == RESMGR_USE_KOBJECT &&
	    resmgr_is_in(caller, kobjects, ARRAY_SIZE(kobjects)))
		return;
	caller = resmgr_registrant() ?: caller;
	if (!resmgr_is_news(caller, found.drv))
		return;
	pr_warn("resmgr: devm %s (%s): %s at offset %lu of %s, %u bytes, added by %pS; given away by %pS. It is freed at unbind, and others may hold it for longer: %s\n",
		found.owner, found.driver, resmgr_uses[use].what, found.offset,
		found.name, found.size, (void *)found.caller, (void *)caller,
		resmgr_uses[use].instead);
}
EXPORT_SYMBOL_GPL(__resmgr_check_object);

/*
 * Report a resource that is added to a device that has lost its driver. A
 * device that has never had one may be driven without: its resources are
 * released with the device, and resmgr_check_leftovers() reports them if a
 * driver comes. A device that is not on a bus has its resources released once,
 * at its end. What a release function adds is not reported, as it is released
 * next.
 *
 * The device may be bound or unbound meanwhile. A caller that adds a resource
 * at such a moment has a bug anyway.
 */
static void resmgr_check_driverless(const struct resmgr *mgr,
				    const struct resmgr_node *node)
{
	lockdep_assert_held(&mgr->lock);

	if (!mgr->class->dev || !READ_ONCE(mgr->released) || mgr->releasing ||
	    node->kind == RESMGR_GROUP_CLOSE)
		return;
	if (READ_ONCE(mgr->class->dev(mgr)->driver))
		return;
	if (!resmgr_is_news(node->caller, 0))
		return;
	/* The locks of consoles must not be taken under that of a manager. */
	printk_deferred(KERN_WARNING "resmgr: devm %s: %s, %u bytes, is added by %pS when no driver is bound or being probed: it stays, and no driver can be probed. Add it in probe()\n",
			resmgr_owner_name(mgr), node->name, node->size,
			(void *)node->caller);
}

void resmgr_debug_add(struct resmgr *mgr, struct resmgr_node *node,
		      unsigned long by)
{
	lockdep_assert_held(&mgr->lock);

	node->added = ktime_get_mono_fast_ns();
	node->caller = by;
	if (!mgr->count++)
		resmgr_live_join(mgr);
	resmgr_index(mgr, node);
	resmgr_check_driverless(mgr, node);
}

void resmgr_debug_del(struct resmgr *mgr, struct resmgr_node *node)
{
	lockdep_assert_held(&mgr->lock);

	resmgr_unindex(mgr, node);
	if (!--mgr->count)
		resmgr_live_leave(mgr);
}

/**
 * __resmgr_check_leftovers() - report why a driver cannot be probed
 * @mgr: devm resources of a device without a driver; there should be none
 * @drv: the driver, which is not probed because of them
 *
 * Context: Any context but NMI.
 */
void __resmgr_check_leftovers(struct resmgr *mgr, const struct device_driver *drv)
{
	struct resmgr_finding found;
	struct resmgr_node *node;
	unsigned long flags;

	spin_lock_irqsave(&mgr->lock, flags);
	node = mgr->newest;
	if (resmgr_is_node(node))
		resmgr_copy_finding(&found, mgr, node);
	spin_unlock_irqrestore(&mgr->lock, flags);

	if (!resmgr_is_node(node) ||
	    !resmgr_is_news(found.caller, resmgr_driver_id(drv)))
		return;
	pr_warn("resmgr: devm %s: %s, %u bytes, was added by %pS when no driver was bound or being probed, so %s cannot be probed. Add it in probe()\n",
		found.owner, found.name, found.size, (void *)found.caller,
		drv->name);
}
