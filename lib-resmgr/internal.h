/* SPDX-License-Identifier: GPL-2.0 */
/* Resource manager: internal interfaces */
#ifndef _LIB_RESMGR_INTERNAL_H
#define _LIB_RESMGR_INTERNAL_H

#include <linux/align.h>
#include <linux/bug.h>
#include <linux/cache.h>
#include <linux/jump_label.h>
#include <linux/lockdep.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/resmgr.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <trace/events/resmgr.h>

/*
 * End of the list. It is not %NULL, so that an entry's link alone tells whether
 * the entry is on a manager. It is not a pointer into the manager, so that the
 * test is a comparison with a constant. The head of a dead manager is %NULL,
 * which is less: walks stop at either.
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

static inline bool resmgr_is_early(const struct resmgr_node *node)
{
	return node->kind == RESMGR_EARLY || node->kind == RESMGR_EARLY_ACTION;
}

/*
 * Hooks of RESMGR_DEBUG, in debug/misuse.c: an entry was added by the caller
 * @by, or is about to be taken off. Called with the lock of @mgr held.
 */
#ifdef CONFIG_RESMGR_DEBUG
void resmgr_debug_add(struct resmgr *mgr, struct resmgr_node *node,
		      unsigned long by);
void resmgr_debug_del(struct resmgr *mgr, struct resmgr_node *node);
#else
static inline void resmgr_debug_add(struct resmgr *mgr, struct resmgr_node *node,
				    unsigned long by)
{
}

static inline void resmgr_debug_del(struct resmgr *mgr, struct resmgr_node *node)
{
}
#endif

/*
 * Hooks of RESMGR_DEBUG, in debug/holders.c: a reference on an object was taken,
 * or is about to be dropped.
 */
#ifdef CONFIG_RESMGR_DEBUG
void resmgr_holder_add(struct resmgr_holder *holder, const struct resmgr *by,
		       const struct resmgr *of);
void resmgr_holder_del(struct resmgr_holder *holder);
#else
static inline void resmgr_holder_add(struct resmgr_holder *holder,
				     const struct resmgr *by, const struct resmgr *of)
{
}

static inline void resmgr_holder_del(struct resmgr_holder *holder)
{
}
#endif

/*
 * Walk along the links, newest first:
 *
 *	for (link = &mgr->newest; resmgr_is_node(*link); link = &(*link)->older)
 *
 * *@link is the entry, and @link is where to unlink it.
 */
static inline struct resmgr_node *resmgr_unlink(struct resmgr *mgr,
						struct resmgr_node **link)
{
	struct resmgr_node *node = *link;

	lockdep_assert_held(&mgr->lock);
	resmgr_debug_del(mgr, node);
	/* resmgr_empty() reads the head of the list without the lock. */
	WRITE_ONCE(*link, node->older);
	node->older = NULL;
	return node;
}

/* Set up everything but the link. */
static inline void resmgr_node_describe(struct resmgr_node *node,
					enum resmgr_kind kind, void *fn,
					const char *name, size_t size)
{
	node->fn = fn;
	node->name = name;
	node->size = min_t(size_t, size, U32_MAX);
	node->kind = kind;
}

static inline void resmgr_node_setup(struct resmgr_node *node,
				     enum resmgr_kind kind, void *fn,
				     const char *name, size_t size)
{
	node->older = NULL;
	resmgr_node_describe(node, kind, fn, name, size);
}

/*
 * Bytes of padding before a node of @head bytes, so that the data behind it is
 * safe for DMA. @object is the size of the object that kmalloc() would use for
 * the data alone, and @minalign is ARCH_DMA_MINALIGN. It takes plain numbers so
 * that tests can call it for any machine.
 *
 * Drivers do DMA to devm memory as they do to kmalloc() memory, to all of it or
 * to the first part. The node in front of the data is written when a neighbour
 * on the list is removed. So the two must not share a cache line unless the DMA
 * code bounces the buffer. It bounces a buffer that is so short that kmalloc()
 * could have used an object whose size is no multiple of a cache line, see
 * dma_kmalloc_size_aligned(). A buffer that is not bounced comes from an object
 * of a power of two that is at least a cache line long, and such objects are
 * aligned to their size. The alignment follows from the largest power of two up
 * to @object, not from @object: a buffer of 96 bytes is bounced, but its first
 * 64 bytes are not.
 *
 * The end of the data needs no care. With the padding, the object that holds
 * both is aligned as the data is, so the next object begins with another cache
 * line.
 */
static inline size_t resmgr_pad(size_t head, size_t object, size_t minalign)
{
	size_t align;

	if (!object)
		return 0;
	align = min_t(size_t, rounddown_pow_of_two(object), minalign);
	return ALIGN(head, align) - head;
}

/*
 * Bytes of padding before a node with @size bytes of data behind it. It is 0
 * where the size of the node is a multiple of the alignment.
 */
static inline size_t resmgr_data_pad(size_t size)
{
	if (sizeof(struct resmgr_data) % ARCH_DMA_MINALIGN == 0)
		return 0;
	return resmgr_pad(sizeof(struct resmgr_data), kmalloc_size_roundup(size),
			  ARCH_DMA_MINALIGN);
}

/* Returns the start of the allocation. */
static inline void *resmgr_data_start(struct resmgr_data *data)
{
	return (void *)data - resmgr_data_pad(data->node.size);
}

/* Free a node that is the head of a &struct resmgr_data. */
static inline void resmgr_free_data(struct resmgr_node *node)
{
	kfree(resmgr_data_start(container_of(node, struct resmgr_data, node)));
}

void resmgr_warn(const struct resmgr *mgr, const char *fmt, ...) __printf(2, 3);

DECLARE_STATIC_KEY_FALSE(resmgr_log_key);

/*
 * Returns true if the log of the class is to be called, if it has one.
 *
 * There are two kinds of switch, as neither can serve both logs. A static key
 * costs devm nothing, but drm.debug is a plain variable that anybody may write.
 * A variable for each class would cost every devm operation two loads, and a
 * log that is always called and tests for itself would cost DRM a call. With
 * DEBUG_DEVRES a kernel parameter decides, from early boot on.
 */
static __always_inline bool resmgr_is_logged(const struct resmgr *mgr)
{
	if (unlikely(mgr->log))
		return READ_ONCE(*mgr->class->log_switch);
	return IS_ENABLED(CONFIG_DEBUG_DEVRES) ||
	       static_branch_unlikely(&resmgr_log_key);
}

void resmgr_event_slow(struct resmgr *mgr, const struct resmgr_node *node,
		       enum resmgr_op op, unsigned long by);

/*
 * First caller outside the devm_*, drmm_* and cdevm_* interfaces, and first
 * caller outside the functions that register objects. In caller.c. Not under
 * the lock of a manager.
 */
unsigned long resmgr_caller(void);
unsigned long resmgr_registrant(void);

/*
 * Returns true if @address is in a function whose name begins with one of
 * @names.
 */
bool resmgr_is_in(unsigned long address, const char * const *names,
		  unsigned int count);

/*
 * Returns true if somebody wants to know who adds a resource. Finding the
 * caller walks the stack and looks up symbols. So the functions that add do it
 * before they take the lock.
 */
static __always_inline bool resmgr_caller_is_wanted(void)
{
	return IS_ENABLED(CONFIG_RESMGR_DEBUG) || trace_resmgr_add_enabled();
}

/* Stands for the caller when nobody wants to know it. */
#define RESMGR_UNASKED	1UL

static __always_inline unsigned long resmgr_caller_if_wanted(void)
{
	return resmgr_caller_is_wanted() ? resmgr_caller() : RESMGR_UNASKED;
}

/* The same for resmgr_debug_add() only: the replace event has no caller. */
static __always_inline unsigned long resmgr_caller_to_stamp(void)
{
	return IS_ENABLED(CONFIG_RESMGR_DEBUG) ? resmgr_caller() : RESMGR_UNASKED;
}

/*
 * Trace and log an &enum resmgr_op other than an addition. Costs static
 * branches when neither is on. The caller holds the lock of @mgr, so that the
 * events are in the order of the list.
 */
static __always_inline void resmgr_event(struct resmgr *mgr,
					 const struct resmgr_node *node,
					 enum resmgr_op op)
{
	if (resmgr_is_logged(mgr) ||
	    (op == RESMGR_OP_RELEASE ? trace_resmgr_release_begin_enabled() :
				       trace_resmgr_remove_enabled()))
		resmgr_event_slow(mgr, node, op, 0);
}

/*
 * Put @node on @mgr as the newest. The caller has checked that it may be added.
 * @by is what resmgr_caller_if_wanted() returned before the lock was taken: an
 * addition that begins before its event is enabled is not traced.
 */
static __always_inline void resmgr_link(struct resmgr *mgr,
					struct resmgr_node *node,
					unsigned long by)
{
	lockdep_assert_held(&mgr->lock);

	if (by != RESMGR_UNASKED || resmgr_is_logged(mgr))
		resmgr_event_slow(mgr, node, RESMGR_OP_ADD, by);
	node->older = mgr->newest;
	WRITE_ONCE(mgr->newest, node);
	resmgr_debug_add(mgr, node, by);
}

int resmgr_warn_add(struct resmgr *mgr, const struct resmgr_node *node, int ret);

/* resmgr_add_new() with the result of resmgr_caller_if_wanted(). */
static __always_inline int __resmgr_add_new(struct resmgr *mgr,
					    struct resmgr_node *node,
					    unsigned long by)
{
	unsigned long flags;

	spin_lock_irqsave(&mgr->lock, flags);
	if (unlikely(!mgr->newest)) {
		spin_unlock_irqrestore(&mgr->lock, flags);
		return resmgr_warn_add(mgr, node, -ESHUTDOWN);
	}
	resmgr_link(mgr, node, by);
	spin_unlock_irqrestore(&mgr->lock, flags);
	return 0;
}

int resmgr_add_new_traced(struct resmgr *mgr, struct resmgr_node *node);

/*
 * Add a node that was just allocated. It is on no manager, whatever its link
 * says. This is resmgr_node_add() inlined for functions that allocate, the hot
 * path.
 */
static __always_inline int resmgr_add_new(struct resmgr *mgr,
					  struct resmgr_node *node)
{
	if (resmgr_caller_is_wanted())
		return resmgr_add_new_traced(mgr, node);
	return __resmgr_add_new(mgr, node, RESMGR_UNASKED);
}

/*
 * Limit for the resources that release functions add while all resources, or a
 * group, are released. A driver that adds some at unbind adds a handful: a
 * resource that hands over to another, or one for each of its channels. The
 * limit is far above that. It is reached in the time of as many releases, some
 * milliseconds, so tasks that wait for the device lock are not held up for
 * long. Resources that were there before do not count.
 */
#define RESMGR_CHAIN_MAX	10000

bool resmgr_is_endless(struct resmgr *mgr, int count, int *limit);
void resmgr_report_endless(struct resmgr *mgr, const struct resmgr_node *node,
			   const char *what, unsigned long *flags);

int resmgr_add_locked(struct resmgr *mgr, struct resmgr_node *node,
		      unsigned long by);
void resmgr_replace_link(struct resmgr *mgr, struct resmgr_node **link,
			 struct resmgr_node *new, unsigned long by);
void resmgr_release_node(struct resmgr *mgr, struct resmgr_node *node);

struct resmgr_node **resmgr_find_link(struct resmgr *mgr,
				      const struct resmgr_node *node);

void resmgr_forget_marker(struct resmgr *mgr, struct resmgr_node *marker);

/* Resources that hold one pointer, in action.c */
int resmgr_add_pointer(struct resmgr *mgr, enum resmgr_kind kind, void *fn,
		       void *data, const char *name, size_t size);

/* Groups, in group.c; early resources, in early.c */
struct resmgr_group;
struct resmgr_node **resmgr_group_range(struct resmgr *mgr,
					struct resmgr_group *grp,
					struct resmgr_node **end);
bool resmgr_group_is_there(const struct resmgr_group *grp);
int resmgr_run_early(struct resmgr *mgr, struct resmgr_group *grp,
		     unsigned long *flags);
bool resmgr_early_is_due(struct resmgr *mgr, struct resmgr_group *grp);
bool resmgr_wait_if_busy(struct resmgr *mgr, struct resmgr_node *node, unsigned long *flags);
void resmgr_early_gone(struct resmgr *mgr, struct resmgr_node *node);
void resmgr_early_advance(struct resmgr *mgr, struct resmgr_early *early,
			  unsigned int count);
void resmgr_early_try_finish(struct resmgr *mgr, struct resmgr_early *early);

#endif /* _LIB_RESMGR_INTERNAL_H */
