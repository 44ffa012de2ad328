// SPDX-License-Identifier: GPL-2.0
/*
 * Resource manager: memory
 */

/**
 * DOC: memory
 *
 * Memory is allocated with its node right before it, in one allocation. To find
 * the node of a pointer, the list is searched for its address: a pointer that
 * is not of this manager is reported and never followed.
 *
 * The allocation has the size that was asked for, not that of the whole slab
 * object, so that KASAN sees writes behind the end. The rest of the object is
 * used when resmgr_krealloc() makes the memory larger.
 *
 * Where DMA needs more alignment than the node gives, as on arm64, the data
 * begins with a cache line of its own, unless it is so short that the DMA code
 * bounces it, as it does with kmalloc() memory. The padding is before the node:
 * 16 bytes take an object of 64 bytes, not of 192. So such a node is freed with
 * resmgr_data_free(), not with kfree().
 */

/*
 * Functions that others in this file call are noinline: they have many callers,
 * most of which are rarely run, and inlining would duplicate them.
 */
#include <linux/export.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/sections.h>

#include "internal.h"

/* No size that can be allocated saturates &resmgr_node.size. */
static_assert(KMALLOC_MAX_SIZE <= U32_MAX);

/* Allocate a node that will be added by resmgr_add_new(). */
static __always_inline struct resmgr_data *
resmgr_data_new(enum resmgr_kind kind, void *fn, size_t size, gfp_t gfp, int nid,
		const char *name, unsigned long caller)
{
	size_t pad = resmgr_data_pad(size), bytes;
	struct resmgr_data *data;
	void *start;

	if (unlikely(check_add_overflow(sizeof(*data) + pad, size, &bytes)))
		return NULL;

	start = alloc_hooks(kmalloc_node_track_caller_noprof(bytes, gfp, nid,
							     caller));
	if (unlikely(!start))
		return NULL;

	data = start + pad;
	resmgr_node_describe(&data->node, kind, fn, name, (u32)size);
	return data;
}

/**
 * __resmgr_data_alloc() - allocate a node with data behind it
 * @kind: %RESMGR_DATA or %RESMGR_MEM
 * @fn: release function, of the type that the class of the manager calls
 * @size: bytes of data
 * @gfp: allocation flags; with %__GFP_ZERO the data is zeroed
 * @nid: NUMA node or %NUMA_NO_NODE
 * @name: for traces and warnings: a string constant
 * @caller: address that slab debugging records for the memory
 *
 * Context: What @gfp allows.
 * Return: the node, on no manager yet; %NULL on failure, or if @size is too
 * large.
 */
noinline struct resmgr_data *
__resmgr_data_alloc(enum resmgr_kind kind, void *fn, size_t size, gfp_t gfp,
		    int nid, const char *name, unsigned long caller)
{
	struct resmgr_data *data;

	data = resmgr_data_new(kind, fn, size, gfp, nid, name, caller);
	if (data)
		data->node.older = NULL;
	return data;
}
EXPORT_SYMBOL_GPL(__resmgr_data_alloc);

/**
 * resmgr_data_free() - free a &struct resmgr_data that is on no manager
 * @data: the resource; may be %NULL
 *
 * The release function is not called.
 *
 * Context: Any context that kfree() allows. A resource that is still on a
 * manager is reported with a WARN, and stays: it will be released in its turn.
 */
void resmgr_data_free(struct resmgr_data *data)
{
	if (!data)
		return;
	if (WARN(resmgr_is_linked(&data->node),
		 "resmgr: cannot free %s: it is on a manager\n", data->node.name))
		return;
	resmgr_free_data(&data->node);
}
EXPORT_SYMBOL_GPL(resmgr_data_free);

/**
 * __resmgr_kmalloc() - managed kmalloc() for typed front ends
 * @mgr: manager
 * @size: bytes
 * @gfp: allocation flags
 * @nid: NUMA node or %NUMA_NO_NODE
 * @name: for traces: a string constant
 * @caller: address that slab debugging records for the memory
 *
 * Context: What @gfp allows.
 * Return: memory, %ZERO_SIZE_PTR for no bytes, %NULL on failure.
 */
noinline void *__resmgr_kmalloc(struct resmgr *mgr, size_t size, gfp_t gfp,
				int nid, const char *name, unsigned long caller)
{
	struct resmgr_data *data;

	if (unlikely(!size))
		return ZERO_SIZE_PTR;

	data = resmgr_data_new(RESMGR_MEM, NULL, size, gfp, nid, name, caller);
	if (unlikely(!data))
		return NULL;

	if (unlikely(resmgr_add_new(mgr, &data->node))) {
		resmgr_free_data(&data->node);
		return NULL;
	}
	return data->data;
}
EXPORT_SYMBOL_GPL(__resmgr_kmalloc);

/*
 * A manager that was never initialised has no class; resmgr_add_new() reports
 * it.
 */
static int resmgr_nid(const struct resmgr *mgr)
{
	return mgr->class && mgr->class->nid ? mgr->class->nid(mgr) :
					       NUMA_NO_NODE;
}

static const char *resmgr_mem_name(const struct resmgr *mgr)
{
	return mgr->class && mgr->class->mem_name ? mgr->class->mem_name :
						    "kmalloc";
}

/* Common part of the functions below; the class supplies the rest. */
static noinline void *resmgr_alloc(struct resmgr *mgr, size_t size, gfp_t gfp,
				   unsigned long caller)
{
	return __resmgr_kmalloc(mgr, size, gfp, resmgr_nid(mgr),
				resmgr_mem_name(mgr), caller);
}

/**
 * resmgr_kmalloc() - managed kmalloc()
 * @mgr: manager
 * @size: bytes
 * @gfp: allocation flags
 *
 * Context: What @gfp allows.
 * Return: memory, %ZERO_SIZE_PTR for no bytes, %NULL on failure.
 */
void *resmgr_kmalloc(struct resmgr *mgr, size_t size, gfp_t gfp)
{
	return resmgr_alloc(mgr, size, gfp, _RET_IP_);
}
EXPORT_SYMBOL_GPL(resmgr_kmalloc);

/* Returns the link to the memory at @ptr, or %NULL. */
static struct resmgr_node **resmgr_find_memory(struct resmgr *mgr,
					       const void *ptr)
{
	struct resmgr_node **link;

	lockdep_assert_held(&mgr->lock);

	link = resmgr_find_link(mgr, &container_of(ptr, struct resmgr_data,
						   data[0])->node);
	return link && (*link)->kind == RESMGR_MEM ? link : NULL;
}

/*
 * Grow @data in place, if the slab object has room. It does not move, so this
 * is safe under the lock. krealloc() tells KASAN.
 */
static bool resmgr_data_grow(struct resmgr *mgr, struct resmgr_data *data,
			     size_t size)
{
	size_t pad = resmgr_data_pad(size), bytes;
	void *start = resmgr_data_start(data);

	lockdep_assert_held(&mgr->lock);

	if (pad != resmgr_data_pad(data->node.size) ||
	    check_add_overflow(sizeof(*data) + pad, size, &bytes) ||
	    bytes > ksize(start) ||
	    krealloc(start, bytes, GFP_NOWAIT) != start)
		return false;

	/* RESMGR_DEBUG reads the size under another lock. */
	WRITE_ONCE(data->node.size, size);
	return true;
}

/**
 * resmgr_krealloc() - managed krealloc()
 * @mgr: manager
 * @ptr: memory of @mgr, or %NULL, or %ZERO_SIZE_PTR
 * @size: new size in bytes; 0 frees the memory
 * @gfp: allocation flags
 *
 * The memory keeps its place in the order of release, and its content up to the
 * smaller of both sizes.
 *
 * Context: What @gfp allows.
 * Return: memory; %ZERO_SIZE_PTR for no bytes; %NULL on failure, with @ptr
 * unchanged. It comes with a WARN if @ptr is not of @mgr, or is a constant
 * string.
 */
void *resmgr_krealloc(struct resmgr *mgr, void *ptr, size_t size, gfp_t gfp)
{
	struct resmgr_data *old, *new = NULL;
	struct resmgr_node **link;
	unsigned long flags, by;
	bool fits = false;
	size_t had = 0;

	if (unlikely(!size)) {
		resmgr_kfree(mgr, ptr);
		return ZERO_SIZE_PTR;
	}
	if (ZERO_OR_NULL_PTR(ptr))
		return resmgr_alloc(mgr, size, gfp, _RET_IP_);
	if (is_kernel_rodata((unsigned long)ptr)) {
		resmgr_warn(mgr, "cannot resize a constant string at %p\n", ptr);
		return NULL;
	}

	/*
	 * The lock is taken twice: the allocation may sleep, and may not be
	 * needed. Nothing behind the pointer is read before it is known to be
	 * ours.
	 */
	old = container_of(ptr, struct resmgr_data, data[0]);
	by = resmgr_caller_to_stamp();
	for (;;) {
		spin_lock_irqsave(&mgr->lock, flags);
		link = resmgr_find_memory(mgr, ptr);
		if (link && new) {
			resmgr_replace_link(mgr, link, &new->node, by);
		} else if (link) {
			had = old->node.size;
			fits = size <= had || resmgr_data_grow(mgr, old, size);
		}
		spin_unlock_irqrestore(&mgr->lock, flags);

		if (unlikely(!link)) {
			resmgr_data_free(new);
			resmgr_warn(mgr, "cannot resize %p: it is not here\n", ptr);
			return NULL;
		}
		if (new)
			break;
		if (fits) {
			if (gfp & __GFP_ZERO && size > had)
				memset(ptr + had, 0, size - had);
			return ptr;
		}

		new = __resmgr_data_alloc(RESMGR_MEM, NULL, size, gfp,
					  resmgr_nid(mgr), resmgr_mem_name(mgr),
					  _RET_IP_);
		if (!new)
			return NULL;
	}

	/*
	 * The lock protects the list and not the content of the memory:
	 * resizing memory that is in use would be a bug with krealloc(), too.
	 */
	memcpy(new->data, old->data, min_t(size_t, size, old->node.size));
	resmgr_free_data(&old->node);
	return new->data;
}
EXPORT_SYMBOL_GPL(resmgr_krealloc);

/**
 * resmgr_kfree() - free managed memory early
 * @mgr: manager
 * @ptr: memory of @mgr; may be %NULL, %ZERO_SIZE_PTR, or a string that
 *	resmgr_kstrdup_const() returned unchanged
 *
 * Context: Any context that kfree() allows. Takes and releases the lock of
 * @mgr.
 * Return: 0; -ENOENT with a WARN if the memory is not of @mgr.
 */
noinline int resmgr_kfree(struct resmgr *mgr, const void *ptr)
{
	struct resmgr_node *node, **link;
	unsigned long flags;

	if (ZERO_OR_NULL_PTR(ptr))
		return 0;

	node = &container_of(ptr, struct resmgr_data, data[0])->node;
	/*
	 * Otherwise the compiler keeps both pointers in registers, where one is
	 * enough.
	 */
	OPTIMIZER_HIDE_VAR(node);
	spin_lock_irqsave(&mgr->lock, flags);
	/* resmgr_find_memory() inlined: this is the most frequent search. */
	for (link = &mgr->newest; resmgr_is_node(*link); link = &(*link)->older) {
		if (*link != node)
			continue;
		if (unlikely(node->kind != RESMGR_MEM))
			break;
		resmgr_unlink(mgr, link);
		resmgr_event(mgr, node, RESMGR_OP_REMOVE);
		spin_unlock_irqrestore(&mgr->lock, flags);
		resmgr_free_data(node);
		return 0;
	}
	spin_unlock_irqrestore(&mgr->lock, flags);

	/*
	 * A string that resmgr_kstrdup_const() returned unchanged was never on
	 * @mgr.
	 */
	ptr = container_of(node, struct resmgr_data, node)->data;
	if (is_kernel_rodata((unsigned long)ptr))
		return 0;
	resmgr_warn(mgr, "cannot free %p: it is not here\n", ptr);
	return -ENOENT;
}
EXPORT_SYMBOL_GPL(resmgr_kfree);

/**
 * resmgr_kmemdup() - managed kmemdup()
 * @mgr: manager
 * @src: what to copy
 * @len: bytes
 * @gfp: allocation flags
 *
 * Context: What @gfp allows.
 * Return: the copy, %ZERO_SIZE_PTR for no bytes, %NULL on failure.
 */
noinline void *resmgr_kmemdup(struct resmgr *mgr, const void *src, size_t len,
			      gfp_t gfp)
{
	void *copy = resmgr_alloc(mgr, len, gfp, _RET_IP_);

	if (!ZERO_OR_NULL_PTR(copy))
		memcpy(copy, src, len);
	return copy;
}
EXPORT_SYMBOL_GPL(resmgr_kmemdup);

/**
 * resmgr_kstrdup() - managed kstrdup()
 * @mgr: manager
 * @s: string, or %NULL
 * @gfp: allocation flags
 *
 * Context: What @gfp allows.
 * Return: the copy; %NULL on failure and for %NULL.
 */
noinline char *resmgr_kstrdup(struct resmgr *mgr, const char *s, gfp_t gfp)
{
	return s ? resmgr_kmemdup(mgr, s, strlen(s) + 1, gfp) : NULL;
}
EXPORT_SYMBOL_GPL(resmgr_kstrdup);

/**
 * resmgr_kstrdup_const() - managed kstrdup_const()
 * @mgr: manager
 * @s: string, or %NULL
 * @gfp: allocation flags
 *
 * Context: What @gfp allows.
 * Return: @s itself if it is a constant of the kernel image, else as
 * resmgr_kstrdup().
 */
const char *resmgr_kstrdup_const(struct resmgr *mgr, const char *s, gfp_t gfp)
{
	if (is_kernel_rodata((unsigned long)s))
		return s;
	return resmgr_kstrdup(mgr, s, gfp);
}
EXPORT_SYMBOL_GPL(resmgr_kstrdup_const);

/**
 * resmgr_kvasprintf() - managed kvasprintf()
 * @mgr: manager
 * @gfp: allocation flags
 * @fmt: printf format
 * @ap: its arguments
 *
 * Context: What @gfp allows.
 * Return: the string; %NULL on failure.
 */
char *resmgr_kvasprintf(struct resmgr *mgr, gfp_t gfp, const char *fmt,
			va_list ap)
{
	unsigned int len;
	va_list again;
	char *s;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);

	s = resmgr_alloc(mgr, (size_t)len + 1, gfp, _RET_IP_);
	if (s)
		vsnprintf(s, (size_t)len + 1, fmt, ap);
	return s;
}
EXPORT_SYMBOL_GPL(resmgr_kvasprintf);

/**
 * resmgr_kasprintf() - managed kasprintf()
 * @mgr: manager
 * @gfp: allocation flags
 * @fmt: printf format
 *
 * Context: What @gfp allows.
 * Return: the string; %NULL on failure.
 */
char *resmgr_kasprintf(struct resmgr *mgr, gfp_t gfp, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = resmgr_kvasprintf(mgr, gfp, fmt, ap);
	va_end(ap);
	return s;
}
EXPORT_SYMBOL_GPL(resmgr_kasprintf);
