// SPDX-License-Identifier: GPL-2.0
/*
 * Resource manager: memory
 *
 * The node sits right before the memory, in one allocation. Given a pointer
 * that a driver hands in, its node is looked for by address only: a pointer
 * that is not of this manager is reported and never followed.
 *
 * What is allocated is what was asked for, and not the whole slab object, so
 * that KASAN sees who writes behind it. The rest of the object is had when
 * memory grows.
 *
 * What others here call is noinline: the compiler would put it into each of
 * them, and they are many and seldom run.
 */
#include <linux/export.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/sections.h>

#include "internal.h"

/* What can be allocated at all does not saturate &resmgr_node.size. */
static_assert(KMALLOC_MAX_SIZE <= U32_MAX);

/* A node that is to be added, see resmgr_add_new(). */
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
 * @caller: to whom slab debugging attributes the memory
 *
 * Context: What @gfp allows.
 * Return: the node, on no manager yet; %NULL on failure, and when @size is
 * larger than can be.
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
 * resmgr_data_free() - free a node with data that is on no manager
 * @data: the node; may be %NULL
 *
 * The release function is not called.
 *
 * Context: Any context that kfree() allows. A node that still is on a manager
 * is reported with a WARN, and left there: it will be released in its turn.
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
 * __resmgr_kmalloc() - what resmgr_kmalloc() does, for fronts
 * @mgr: manager
 * @size: bytes
 * @gfp: allocation flags
 * @nid: NUMA node or %NUMA_NO_NODE
 * @name: for traces: a string constant
 * @caller: to whom slab debugging attributes the memory
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

/* A manager that was never initialised has no class; the add will say so. */
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

/* The way in for the family below: the class says what the rest is. */
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

/* The link to the memory at @ptr, or %NULL. */
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
 * Make @data larger where it is, if the slab object has the room. It does not
 * move then, so that it is fine to do this under the lock; krealloc() is what
 * tells KASAN.
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

	/* RESMGR_DEBUG reads it under another lock. */
	WRITE_ONCE(data->node.size, size);
	return true;
}

/**
 * resmgr_krealloc() - managed krealloc()
 * @mgr: manager
 * @ptr: memory of @mgr, or %NULL, or %ZERO_SIZE_PTR
 * @size: new size in bytes; 0 frees
 * @gfp: allocation flags
 *
 * The place of the memory in the order of release stays, and so does the
 * content, up to the lesser of both sizes.
 *
 * Context: What @gfp allows.
 * Return: memory; %ZERO_SIZE_PTR for no bytes; %NULL on failure, with @ptr
 * unchanged. With a WARN when @ptr is not of @mgr, or is a constant string.
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
	 * Twice under the lock: the allocation may sleep, and may not be needed.
	 * Nothing behind the pointer is looked at before it is known to be ours.
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
	 * The lock protects the list and not what is in the memory: a user who
	 * resizes memory while using it would be in trouble with krealloc(), too.
	 */
	memcpy(new->data, old->data, min_t(size_t, size, old->node.size));
	resmgr_free_data(&old->node);
	return new->data;
}
EXPORT_SYMBOL_GPL(resmgr_krealloc);

/**
 * resmgr_kfree() - free managed memory early
 * @mgr: manager
 * @ptr: memory of @mgr; %NULL, %ZERO_SIZE_PTR and what resmgr_kstrdup_const()
 *	gave back unchanged are fine
 *
 * Context: Any context that kfree() allows. Takes and releases the lock of @mgr.
 * Return: 0; -ENOENT with a WARN when the memory is not of @mgr.
 */
noinline int resmgr_kfree(struct resmgr *mgr, const void *ptr)
{
	struct resmgr_node *node, **link;
	unsigned long flags;

	if (ZERO_OR_NULL_PTR(ptr))
		return 0;

	node = &container_of(ptr, struct resmgr_data, data[0])->node;
	/* Or the compiler keeps both, where one is as good as the other. */
	OPTIMIZER_HIDE_VAR(node);
	spin_lock_irqsave(&mgr->lock, flags);
	/* resmgr_find_memory(), in line: this is run most of all that search. */
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

	/* A string that resmgr_kstrdup_const() gave back was never here. */
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
