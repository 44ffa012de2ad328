// SPDX-License-Identifier: GPL-2.0
/* What tools/event-cost.c counts, with the kernel's headers. */
#include <linux/array_size.h>
#include <linux/resmgr.h>

struct cost {
	const char *name;
	void (*prepare)(void);
	void (*run)(void);
};

static void cost_release(struct resmgr *mgr, struct resmgr_node *node)
{
}

static void cost_action(void *data)
{
}

static const struct resmgr_class cost_class = { .name = "cost" };
static struct resmgr mgr;
static struct resmgr_node nodes[10];
static void *mem;

static void empty(void)
{
	int i;

	resmgr_init(&mgr, &cost_class);
	for (i = 0; i < ARRAY_SIZE(nodes); i++)
		resmgr_node_init(&nodes[i], cost_release, "cost", 0);
}

static void full(void)
{
	int i;

	empty();
	for (i = 0; i < ARRAY_SIZE(nodes); i++)
		resmgr_node_add(&mgr, &nodes[i]);
}

static void add(void)
{
	resmgr_node_add(&mgr, &nodes[0]);
}

static void one(void)
{
	empty();
	add();
}

static void remove(void)
{
	resmgr_node_remove(&mgr, &nodes[0]);
}

static void release_all(void)
{
	resmgr_release_all(&mgr);
}

static void memory(void)
{
	mem = resmgr_kmalloc(&mgr, 64, GFP_KERNEL);
}

static void with_memory(void)
{
	empty();
	memory();
}

static void memory_free(void)
{
	resmgr_kfree(&mgr, mem);
}

static void action(void)
{
	__resmgr_add_action(&mgr, cost_action, NULL, "cost");
}

static void with_action(void)
{
	empty();
	action();
}

static void action_remove(void)
{
	resmgr_remove_action(&mgr, cost_action, NULL);
}

static void action_release(void)
{
	resmgr_release_action(&mgr, cost_action, NULL);
}

extern const struct cost cost_list[];
const struct cost cost_list[] = {
	{ "resmgr_node_add()", empty, add },
	{ "resmgr_node_remove()", one, remove },
	{ "resmgr_kmalloc()", empty, memory },
	{ "resmgr_kfree()", with_memory, memory_free },
	{ "resmgr_add_action()", empty, action },
	{ "resmgr_remove_action()", with_action, action_remove },
	{ "resmgr_release_action()", with_action, action_release },
	{ "resmgr_release_all(), of 1", one, release_all },
	{ "resmgr_release_all(), of 10", full, release_all },
	{}
};
