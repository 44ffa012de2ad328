/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Resource manager: what its parts share
 */
#ifndef _LIB_RESMGR_INTERNAL_H
#define _LIB_RESMGR_INTERNAL_H

#include <linux/align.h>
#include <linux/bug.h>
#include <linux/cache.h>
#include <linux/jump_label.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/resmgr.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <trace/events/resmgr.h>

/*
 * End of the list. Not %NULL, so that a node's link alone tells whether the
 * node is on a manager; not a pointer into the manager, so that the test is a
 * compare with a constant. Below it is %NULL, the head of a dead manager:
 * walks stop at either.
 */
#define RESMGR_LAST	((struct resmgr_node *)1)

static inline bool resmgr_is_node(const struct resmgr_node *node)
{
	return (unsigned long)node > (unsigned long)RESMGR_LAST;
}

static inline bool resmgr_is_linked(const struct resmgr_node *node)
{
	return node->older;
}

static inline bool resmgr_is_marker(const struct resmgr_node *node)
{
	return node->kind >= RESMGR_GROUP_OPEN;
}

/*
 * Walks go along the links, newest first:
 *
 *	for (link = &mgr->newest; resmgr_is_node(*link); link = &(*link)->older)
 *
 * *@link is the node, and @link is the place to unlink it from.
 */
static inline struct resmgr_node *resmgr_unlink(struct resmgr *mgr,
						struct resmgr_node **link)
{
	struct resmgr_node *node = *link;

	lockdep_assert_held(&mgr->lock);
	*link = node->older;
	node->older = NULL;
	return node;
}

static inline void resmgr_node_setup(struct resmgr_node *node,
				     enum resmgr_kind kind, void *fn,
				     const char *name, size_t size)
{
	node->older = NULL;
	node->fn = fn;
	node->name = name;
	node->size = min_t(size_t, size, U32_MAX);
	node->kind = kind;
}

/*
 * Bytes before a node with @size bytes of data behind it. Drivers do DMA to devm
 * memory as they do to that of kmalloc(). So the data is as aligned as the object
 * would be that kmalloc() takes for so many bytes, up to ARCH_DMA_MINALIGN. And
 * it shares a cache line with the node only if that object would share its with
 * another one: the DMA code bounces such sizes, or there are none.
 *
 * Nothing on machines that ask for no more than the node's size gives.
 */
static inline size_t resmgr_data_pad(size_t size)
{
	size_t object, align;

	if (sizeof(struct resmgr_data) % ARCH_DMA_MINALIGN == 0)
		return 0;

	object = kmalloc_size_roundup(size);
	align = min_t(size_t, object & -object, ARCH_DMA_MINALIGN);
	return align ? ALIGN(sizeof(struct resmgr_data), align) -
		       sizeof(struct resmgr_data) : 0;
}

/* Where the allocation begins. */
static inline void *resmgr_data_start(struct resmgr_data *data)
{
	return (void *)data - resmgr_data_pad(data->node.size);
}

void resmgr_warn(const struct resmgr *mgr, const char *fmt, ...) __printf(2, 3);

DECLARE_STATIC_KEY_FALSE(resmgr_log_key);

/* With DEBUG_DEVRES a kernel parameter decides, from early boot on. */
static __always_inline bool resmgr_logging(void)
{
	return IS_ENABLED(CONFIG_DEBUG_DEVRES) ||
	       static_branch_unlikely(&resmgr_log_key);
}

void resmgr_event_slow(struct resmgr *mgr, const struct resmgr_node *node,
		       enum resmgr_op op);

/*
 * Trace and log one &enum resmgr_op; static branches when neither is on. The
 * caller holds the lock of @mgr, so that the order of the events is that of
 * the list.
 */
static __always_inline void resmgr_event(struct resmgr *mgr,
					 const struct resmgr_node *node,
					 enum resmgr_op op)
{
	if (resmgr_logging() ||
	    (op == RESMGR_OP_ADD ? trace_resmgr_add_enabled() :
	     op == RESMGR_OP_RELEASE ? trace_resmgr_release_begin_enabled() :
				       trace_resmgr_remove_enabled()))
		resmgr_event_slow(mgr, node, op);
}

int resmgr_add_locked(struct resmgr *mgr, struct resmgr_node *node);
void resmgr_replace_link(struct resmgr *mgr, struct resmgr_node **link,
			 struct resmgr_node *new);
void resmgr_release_node(struct resmgr *mgr, struct resmgr_node *node);

struct resmgr_node **resmgr_find_link(struct resmgr *mgr,
				      const struct resmgr_node *node);

void resmgr_forget_marker(struct resmgr *mgr, struct resmgr_node *marker);

#endif /* _LIB_RESMGR_INTERNAL_H */
