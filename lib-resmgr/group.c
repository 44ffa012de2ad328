// SPDX-License-Identifier: GPL-2.0
/*
 * Resource manager: groups
 */

/**
 * DOC: groups
 *
 * A group is a pair of markers on the list. The resources between them belong
 * to it. As long as the group is not closed, every resource that is newer than
 * its opening marker belongs to it. Groups nest, and may overlap. Releasing a
 * group releases its resources, and dissolves every group that lies entirely
 * within it. A group that only overlaps keeps its markers. A group that begins
 * within it and has not been closed counts as within, as in devres.
 *
 * Release functions run without the lock, so anything may have happened when
 * the lock is taken again. No position in the list is kept: the next resource
 * is searched from the group's own markers each time. Only the group itself
 * must stay. While it is being released it cannot be found by its id, and a
 * task that takes its markers off leaves the memory to the task that releases
 * it.
 */
#include <linux/export.h>
#include <linux/slab.h>

#include "internal.h"

/**
 * struct resmgr_group - two markers
 * @open: opening marker; on the list for the life of the group
 * @close: closing marker; on the list once the group is closed
 * @id: how the group is found
 * @tag: what resmgr_in_group() compares; constant
 * @releasing: resmgr_release_group() is releasing the group, and will free it.
 *	Protected by the lock of the manager
 */
struct resmgr_group {
	struct resmgr_node	open;
	struct resmgr_node	close;
	void			*id;
	unsigned int		tag;
	bool			releasing;
};

/*
 * Returns true if everything on @mgr is being released with a group. As in
 * devres, it is then no error if a release function releases that group, or one
 * that has been released before. Must not be called while resmgr_release_all()
 * runs: the list may have a marker without a group then, see
 * resmgr_teardown_endless().
 */
static noinline bool resmgr_all_is_going(struct resmgr *mgr)
{
	struct resmgr_node **link;
	struct resmgr_group *grp;
	int inside = 0;

	lockdep_assert_held(&mgr->lock);

	/* A group that is not closed reaches to the newest end. */
	for (link = &mgr->newest; resmgr_is_node(*link); link = &(*link)->older) {
		if ((*link)->kind != RESMGR_GROUP_OPEN)
			continue;
		grp = container_of(*link, struct resmgr_group, open);
		inside += grp->releasing && !resmgr_is_linked(&grp->close);
	}
	for (link = &mgr->newest; resmgr_is_node(*link); link = &(*link)->older) {
		if ((*link)->kind == RESMGR_GROUP_CLOSE) {
			grp = container_of(*link, struct resmgr_group, close);
			if (grp->releasing) {
				inside++;
				continue;
			}
		}
		if (!inside)
			return false;
		if ((*link)->kind == RESMGR_GROUP_OPEN) {
			grp = container_of(*link, struct resmgr_group, open);
			inside -= grp->releasing;
		}
	}
	return true;
}

/* A marker was taken off the newest end of the list. */
void resmgr_forget_marker(struct resmgr *mgr, struct resmgr_node *marker)
{
	struct resmgr_group *grp;

	lockdep_assert_held(&mgr->lock);

	/* The closing marker is newer, so the opening one comes last. */
	if (marker->kind != RESMGR_GROUP_OPEN)
		return;
	grp = container_of(marker, struct resmgr_group, open);
	/*
	 * But an endless teardown begins in the middle of the list, and somebody
	 * may close the group meanwhile.
	 */
	if (unlikely(resmgr_is_linked(&grp->close)))
		resmgr_unlink(mgr, resmgr_find_link(mgr, &grp->close));
	if (!grp->releasing)
		kfree(grp);
}

/* Find a group by its id; for %NULL the newest one that is not closed. */
static noinline struct resmgr_group *resmgr_find_group(struct resmgr *mgr,
						       const void *id)
{
	struct resmgr_group *grp;
	struct resmgr_node **link;

	lockdep_assert_held(&mgr->lock);

	for (link = &mgr->newest; resmgr_is_node(*link); link = &(*link)->older) {
		if ((*link)->kind != RESMGR_GROUP_OPEN)
			continue;
		grp = container_of(*link, struct resmgr_group, open);
		if (grp->releasing)
			continue;
		if (id ? grp->id == id : !resmgr_is_linked(&grp->close))
			return grp;
	}
	return NULL;
}

static void resmgr_unlink_markers(struct resmgr *mgr, struct resmgr_group *grp)
{
	lockdep_assert_held(&mgr->lock);

	if (resmgr_is_linked(&grp->close))
		resmgr_unlink(mgr, resmgr_find_link(mgr, &grp->close));
	if (resmgr_is_linked(&grp->open))
		resmgr_unlink(mgr, resmgr_find_link(mgr, &grp->open));
}

/**
 * __resmgr_open_group() - begin a group, with a tag
 * @mgr: manager
 * @id: as for resmgr_open_group()
 * @tag: a number for resmgr_in_group(), other than 0
 * @gfp: allocation flags
 *
 * Context: What @gfp allows. Takes and releases the lock of @mgr.
 * Return: id of the group; %NULL on failure.
 */
void *__resmgr_open_group(struct resmgr *mgr, void *id, unsigned int tag,
			  gfp_t gfp)
{
	struct resmgr_group *grp;

	grp = kmalloc_obj(*grp, gfp);
	if (!grp)
		return NULL;

	resmgr_node_setup(&grp->open, RESMGR_GROUP_OPEN, NULL, "grp<", 0);
	resmgr_node_setup(&grp->close, RESMGR_GROUP_CLOSE, NULL, "grp>", 0);
	grp->id = id ?: grp;
	grp->tag = tag;
	grp->releasing = false;

	if (resmgr_node_add(mgr, &grp->open)) {
		kfree(grp);
		return NULL;
	}
	return id ?: grp;
}
EXPORT_SYMBOL_GPL(__resmgr_open_group);

/**
 * resmgr_open_group() - begin a group
 * @mgr: manager
 * @id: how to find the group later: the address of something that identifies no
 *	other group. %NULL makes up an id
 * @gfp: allocation flags
 *
 * Context: What @gfp allows. Takes and releases the lock of @mgr.
 * Return: id of the group; %NULL on failure.
 */
void *resmgr_open_group(struct resmgr *mgr, void *id, gfp_t gfp)
{
	return __resmgr_open_group(mgr, id, 0, gfp);
}
EXPORT_SYMBOL_GPL(resmgr_open_group);

/**
 * resmgr_in_group() - test whether a group with a tag is open
 * @mgr: manager
 * @tag: the tag, as given to __resmgr_open_group()
 *
 * Context: Any context but NMI. Takes and releases the lock of @mgr.
 * Return: true if a resource that is added now belongs to such a group.
 */
bool resmgr_in_group(struct resmgr *mgr, unsigned int tag)
{
	struct resmgr_node **link;
	struct resmgr_group *grp;
	unsigned long flags;
	bool found = false;

	spin_lock_irqsave(&mgr->lock, flags);
	for (link = &mgr->newest; resmgr_is_node(*link); link = &(*link)->older) {
		if ((*link)->kind != RESMGR_GROUP_OPEN)
			continue;
		grp = container_of(*link, struct resmgr_group, open);
		if (grp->tag == tag && !grp->releasing &&
		    !resmgr_is_linked(&grp->close)) {
			found = true;
			break;
		}
	}
	spin_unlock_irqrestore(&mgr->lock, flags);
	return found;
}
EXPORT_SYMBOL_GPL(resmgr_in_group);

/**
 * resmgr_close_group() - close a group, which gets no later resources
 * @mgr: manager
 * @id: id of the group; %NULL for the newest one that is not closed
 *
 * Context: Any context but NMI. Takes and releases the lock of @mgr.
 * Return: 0; -ENOENT if there is no such group, -EBUSY if it is closed already,
 * both with a WARN.
 */
int resmgr_close_group(struct resmgr *mgr, void *id)
{
	unsigned long flags, by = resmgr_caller_if_wanted();
	struct resmgr_group *grp;
	int ret = -ENOENT;

	spin_lock_irqsave(&mgr->lock, flags);
	grp = resmgr_find_group(mgr, id);
	if (grp)
		ret = resmgr_add_locked(mgr, &grp->close, by);
	spin_unlock_irqrestore(&mgr->lock, flags);

	if (ret)
		resmgr_warn(mgr, "cannot close group %p: %s\n", id,
			    ret == -EBUSY ? "it is closed" : "there is none");
	return ret;
}
EXPORT_SYMBOL_GPL(resmgr_close_group);

/**
 * resmgr_remove_group() - dissolve a group and keep its resources
 * @mgr: manager
 * @id: id of the group; %NULL for the newest one that is not closed
 *
 * Context: Any context but NMI. Takes and releases the lock of @mgr.
 * Return: 0; -ENOENT with a WARN if there is no such group.
 */
int resmgr_remove_group(struct resmgr *mgr, void *id)
{
	struct resmgr_group *grp;
	unsigned long flags;

	spin_lock_irqsave(&mgr->lock, flags);
	grp = resmgr_find_group(mgr, id);
	if (grp) {
		resmgr_unlink_markers(mgr, grp);
		resmgr_event(mgr, &grp->open, RESMGR_OP_REMOVE);
	}
	spin_unlock_irqrestore(&mgr->lock, flags);

	if (!grp) {
		resmgr_warn(mgr, "cannot remove group %p: there is none\n", id);
		return -ENOENT;
	}
	kfree(grp);
	return 0;
}
EXPORT_SYMBOL_GPL(resmgr_remove_group);

/* Returns true if the markers of @grp are still on the list. */
bool resmgr_group_is_there(const struct resmgr_group *grp)
{
	return resmgr_is_linked(&grp->open);
}

/*
 * Get the range of entries that belong to @grp: from the entry that the
 * returned link points to, down to @end, which is excluded. The range is empty
 * if somebody else has taken the markers off.
 */
struct resmgr_node **resmgr_group_range(struct resmgr *mgr,
					struct resmgr_group *grp,
					struct resmgr_node **end)
{
	lockdep_assert_held(&mgr->lock);

	if (!resmgr_is_linked(&grp->open)) {
		*end = mgr->newest;
		return &mgr->newest;
	}
	*end = &grp->open;
	return resmgr_is_linked(&grp->close) ? &grp->close.older : &mgr->newest;
}

/* Returns true if @marker is between @from and @end, newest first. */
static bool resmgr_in_range(const struct resmgr_node *from,
			    const struct resmgr_node *end,
			    const struct resmgr_node *marker)
{
	for (; from != end; from = from->older)
		if (from == marker)
			return true;
	return false;
}

/*
 * Returns the link to the newest resource of @grp, and dissolves on the way the
 * groups that lie within it. Returns %NULL if no resource is left, or if
 * somebody else has released everything, markers included.
 */
static struct resmgr_node **resmgr_newest_of_group(struct resmgr *mgr,
						   struct resmgr_group *grp)
{
	struct resmgr_node **start, **link, *node, *end;
	struct resmgr_group *inner;

	lockdep_assert_held(&mgr->lock);

	start = resmgr_group_range(mgr, grp, &end);
	for (link = start; *link != end; ) {
		node = *link;
		if (!resmgr_is_marker(node))
			return link;

		/*
		 * A closing marker stays until its opening one is met: a group
		 * without a closing marker would count as open, and reach
		 * further.
		 */
		link = &node->older;
		if (node->kind == RESMGR_GROUP_CLOSE)
			continue;

		inner = container_of(node, struct resmgr_group, open);
		if (resmgr_is_linked(&inner->close) &&
		    !resmgr_in_range(*start, node, &inner->close))
			continue;

		resmgr_event(mgr, &inner->open, RESMGR_OP_RELEASE);
		resmgr_unlink_markers(mgr, inner);
		resmgr_forget_marker(mgr, &inner->open);
		link = start;
	}
	return NULL;
}

/*
 * The release of @grp does not end, as there are ever more resources like
 * @node. Close the group, so that resources that are added from now on do not
 * belong to it.
 */
static noinline void resmgr_close_endless(struct resmgr *mgr,
					  struct resmgr_group *grp,
					  const struct resmgr_node *node,
					  unsigned long *flags)
{
	lockdep_assert_held(&mgr->lock);

	/* New resources already do not belong to it. */
	if (resmgr_is_linked(&grp->close))
		return;
	resmgr_report_endless(mgr, node, "is not part of the group", flags);
	/* Another task may have released everything meanwhile. */
	if (!resmgr_is_linked(&grp->open) || resmgr_is_linked(&grp->close))
		return;
	grp->close.older = mgr->newest;
	WRITE_ONCE(mgr->newest, &grp->close);
	resmgr_debug_add(mgr, &grp->close, 0);
}

/**
 * resmgr_release_group() - release the resources of a group, newest first
 * @mgr: manager
 * @id: id of the group; %NULL for the newest one that is not closed
 *
 * Early resources and early actions come first, as in resmgr_release_early().
 *
 * The group is dissolved, and so is every group within it. If the group is not
 * closed, resources that release functions add meanwhile belong to it and are
 * released, too. If they go on doing that without end, it is reported in the
 * log and the group is closed.
 *
 * Context: Process context, sleeps if a release function does. Takes and
 * releases the lock of @mgr once per resource.
 * Return: number of resources that were released; -ENOENT with a WARN if there
 * is no such group. 0 without a WARN if everything on @mgr is being released,
 * as that may have taken the group with it.
 */
int resmgr_release_group(struct resmgr *mgr, void *id)
{
	struct resmgr_group *grp;
	struct resmgr_node **link, *node;
	int count = 0, limit = RESMGR_CHAIN_MAX;
	unsigned long flags;
	bool endless;

	spin_lock_irqsave(&mgr->lock, flags);
	grp = resmgr_find_group(mgr, id);
	if (!grp) {
		bool gone = mgr->releasing || resmgr_all_is_going(mgr);

		spin_unlock_irqrestore(&mgr->lock, flags);
		if (gone)
			return 0;
		resmgr_warn(mgr, "cannot release group %p: there is none\n", id);
		return -ENOENT;
	}

	grp->releasing = true;
	count += resmgr_run_early(mgr, grp, &flags);
	while ((link = resmgr_newest_of_group(mgr, grp))) {
		node = *link;
		endless = unlikely(count >= limit) &&
			  resmgr_is_endless(mgr, count, &limit);
		/* A release function has added it. */
		if (unlikely(resmgr_is_early(node)) && !endless &&
		    resmgr_early_is_due(mgr, grp)) {
			count += resmgr_run_early(mgr, grp, &flags);
			continue;
		}
		if (unlikely(resmgr_is_early(node)) &&
		    resmgr_wait_if_busy(mgr, node, &flags))
			continue;
		resmgr_unlink(mgr, link);
		if (unlikely(endless))
			resmgr_close_endless(mgr, grp, node, &flags);
		resmgr_event(mgr, node, RESMGR_OP_RELEASE);
		spin_unlock_irqrestore(&mgr->lock, flags);

		resmgr_release_node(mgr, node);
		count++;

		spin_lock_irqsave(&mgr->lock, flags);
	}
	if (resmgr_is_linked(&grp->open)) {
		resmgr_event(mgr, &grp->open, RESMGR_OP_RELEASE);
		resmgr_unlink_markers(mgr, grp);
	}
	spin_unlock_irqrestore(&mgr->lock, flags);

	kfree(grp);
	return count;
}
EXPORT_SYMBOL_GPL(resmgr_release_group);
