/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Resource manager: what its parts share
 */
#ifndef _LIB_RESMGR_INTERNAL_H
#define _LIB_RESMGR_INTERNAL_H

#include <linux/bug.h>
#include <linux/jump_label.h>
#include <linux/lockdep.h>
#include <linux/resmgr.h>
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

/*
 * For the lists in debugfs, in debugfs.c. The caller holds the lock of @mgr.
 * resmgr_live_join() is for a manager that has its first node now,
 * resmgr_live_leave() for one that has no more.
 */
#ifdef CONFIG_RESMGR_DEBUG
void resmgr_live_join(struct resmgr *mgr);
void resmgr_live_leave(struct resmgr *mgr);
void resmgr_stamp(struct resmgr *mgr, struct resmgr_node *node);
#else
static inline void resmgr_live_join(struct resmgr *mgr)
{
}

static inline void resmgr_live_leave(struct resmgr *mgr)
{
}

static inline void resmgr_stamp(struct resmgr *mgr, struct resmgr_node *node)
{
}
#endif

/*
 * For the warnings of RESMGR_DEBUG, in misuse.c. The first two under the lock of
 * @mgr: a node is on it, or is about to be taken off. The others without: a node
 * is about to be added; everything is about to be released.
 */
#ifdef CONFIG_RESMGR_DEBUG
void resmgr_misuse_added(struct resmgr *mgr, struct resmgr_node *node);
void resmgr_misuse_removed(struct resmgr *mgr, struct resmgr_node *node);
void resmgr_misuse_check_add(struct resmgr *mgr, const struct resmgr_node *node);
void resmgr_misuse_release_all(struct resmgr *mgr);
#else
static inline void resmgr_misuse_added(struct resmgr *mgr, struct resmgr_node *node)
{
}

static inline void resmgr_misuse_removed(struct resmgr *mgr,
					 struct resmgr_node *node)
{
}

static inline void resmgr_misuse_check_add(struct resmgr *mgr,
					   const struct resmgr_node *node)
{
}

static inline void resmgr_misuse_release_all(struct resmgr *mgr)
{
}
#endif

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
	resmgr_misuse_removed(mgr, node);
	*link = node->older;
	node->older = NULL;
	if (mgr->newest == RESMGR_LAST)
		resmgr_live_leave(mgr);
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
 * Who outside the managed interfaces has called? And who outside of what objects
 * are registered with? In caller.c.
 */
unsigned long resmgr_caller(void);
unsigned long resmgr_registrant(void);

/* Is this address in a function whose name begins with one of these? */
bool resmgr_is_in(unsigned long address, const char * const *names,
		  unsigned int count);

/*
 * Trace and log one &enum resmgr_op; static branches when neither is on. The
 * caller holds the lock of @mgr, so that the order of the events is that of
 * the list.
 */
static __always_inline void resmgr_event(struct resmgr *mgr,
					 const struct resmgr_node *node,
					 enum resmgr_op op)
{
	if (resmgr_logging() || mgr->log ||
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

bool resmgr_is_marker(const struct resmgr_node *node);
void resmgr_forget_marker(struct resmgr *mgr, struct resmgr_node *marker);

#endif /* _LIB_RESMGR_INTERNAL_H */
