// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm: open files with work to do at unbind
 */

/**
 * DOC: files at unbind
 *
 * These are all files of a node whose driver wants its ->release() called at
 * unbind, and single files with actions. Each has a record in its scope, found
 * by the address of the file. Nothing points from the file to the record.
 *
 * The work for a file is done once: when it is closed, or by the unbind after
 * the calls inside have left. Whoever comes first claims the record, under the
 * lock. The hard part is that the other one has to wait. A file that is being
 * closed is freed when its release returns, so the unbind must be done with it
 * by then. The unbind goes on to remove the hardware, so it waits for a close
 * that has claimed the record and may be outside the gate. No reference on the
 * file is needed: a record exists only as long as its file does.
 *
 * After the revoke some methods still reach the driver, since they undo
 * something, such as an unlock. They are counted in the record, and none begins
 * while somebody works on it. Afterwards none is needed if the driver has
 * released the file. If only its actions have run, the methods go on to reach
 * the driver.
 *
 * A file that was released at unbind lets go of the driver, if nothing is left
 * that could call the driver: see cdevm_lets_go(). Then it holds only the
 * memory of its scope, and the module may be removed while the file is open.
 */
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "internal.h"

/**
 * enum cdevm_file_state - state of a file
 * @CDEVM_FILE_OPEN: nobody has claimed it
 * @CDEVM_FILE_CLOSING: somebody has claimed it
 * @CDEVM_FILE_CLOSED: the work for it is done
 */
enum cdevm_file_state {
	CDEVM_FILE_OPEN,
	CDEVM_FILE_CLOSING,
	CDEVM_FILE_CLOSED,
};

/**
 * struct cdevm_file - the record of an open file
 * @node: link in &cdevm_scope.files, by @file
 * @link: link in &cdevm_scope.open_files, newest first; in
 *	&cdevm_scope.closing_files while it is claimed
 * @file: the file, without a reference: the record is freed when the file is
 *	closed
 * @wrapped: its operations
 * @actions: actions that were added for this file
 * @calls: number of calls that undo something and are in the driver after the
 *	revoke
 * @closer: the task that has claimed it
 * @state: its state
 * @gone: the file has let go of the driver. Constant once it is closed
 *
 * Everything but @actions and @gone is protected by &cdevm_scope.files_lock.
 */
struct cdevm_file {
	struct rb_node		node;
	struct list_head	link;
	struct file		*file;
	struct cdevm_fops	*wrapped;
	struct resmgr		actions;
	unsigned int		calls;
	struct task_struct	*closer;
	enum cdevm_file_state	state;
	bool			gone;
};

/* Woken when the state or @calls of any record change. */
static DECLARE_WAIT_QUEUE_HEAD(cdevm_file_wait);

static const char *cdevm_file_owner_name(const struct resmgr *mgr)
{
	return container_of(mgr, struct cdevm_file, actions)->wrapped->scope->name;
}

static const struct resmgr_class cdevm_file_class = {
	.name		= "cdevm-file",
	.owner_name	= cdevm_file_owner_name,
};

static int cdevm_compare_file(const void *key, const struct rb_node *node)
{
	const struct file *file = rb_entry(node, struct cdevm_file, node)->file;

	return key < (void *)file ? -1 : key > (void *)file;
}

static int cdevm_compare_files(struct rb_node *new, const struct rb_node *node)
{
	return cdevm_compare_file(rb_entry(new, struct cdevm_file, node)->file, node);
}

static struct cdevm_file *cdevm_find_file(struct cdevm_scope *scope,
					  const struct file *file)
{
	lockdep_assert_held(&scope->files_lock);

	return rb_entry_safe(rb_find(file, &scope->files, cdevm_compare_file),
			     struct cdevm_file, node);
}

/**
 * cdevm_list_file() - create the record of a file, unless it exists
 * @file: the file; the caller is inside the gate
 *
 * Context: Process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int cdevm_list_file(struct file *file)
{
	struct cdevm_fops *wrapped = cdevm_file_fops(file);
	struct cdevm_scope *scope = wrapped->scope;
	struct cdevm_file *f;
	bool known;

	/* Charged to the owner of the file. */
	f = kzalloc_obj(*f, GFP_KERNEL_ACCOUNT);
	if (!f)
		return -ENOMEM;
	f->file = file;
	f->wrapped = wrapped;
	resmgr_init(&f->actions, &cdevm_file_class);

	WRITE_ONCE(scope->tracked, true);
	spin_lock(&scope->files_lock);
	known = rb_find_add(&f->node, &scope->files, cdevm_compare_files);
	if (!known)
		list_add(&f->link, &scope->open_files);
	spin_unlock(&scope->files_lock);
	if (known)
		kfree(f);
	return 0;
}

static void cdevm_claim(struct cdevm_file *f)
{
	struct cdevm_scope *scope = f->wrapped->scope;

	lockdep_assert_held(&scope->files_lock);

	f->state = CDEVM_FILE_CLOSING;
	f->closer = current;
	list_move(&f->link, &scope->closing_files);
}

static bool cdevm_has_claimed(struct cdevm_scope *scope)
{
	const struct cdevm_late *late;
	struct cdevm_file *f;

	lockdep_assert_held(&scope->files_lock);

	list_for_each_entry(f, &scope->closing_files, link)
		if (f->closer == current)
			return true;
	list_for_each_entry(late, &scope->late_calls, link)
		if (late->task == current)
			return true;
	return false;
}

/**
 * cdevm_is_closing_file() - test whether the task is in the work for a file
 * @scope: scope
 *
 * The task that ends @scope waits for this work, and for calls that undo
 * something for such a file. Parts of @scope count, too.
 *
 * Context: Process context.
 * Return: true if the current task has claimed a file of @scope, or is in such a
 * call.
 */
bool cdevm_is_closing_file(struct cdevm_scope *scope)
{
	struct cdevm_scope *part;
	bool found;

	spin_lock(&scope->files_lock);
	found = cdevm_has_claimed(scope);
	list_for_each_entry(part, &scope->parts, part) {
		if (found)
			break;
		/* The lock of the whole first. Nothing else takes both. */
		spin_lock_nested(&part->files_lock, SINGLE_DEPTH_NESTING);
		found = cdevm_has_claimed(part);
		spin_unlock(&part->files_lock);
	}
	spin_unlock(&scope->files_lock);
	return found;
}

static bool cdevm_is_closed(struct cdevm_file *f)
{
	struct cdevm_scope *scope = f->wrapped->scope;
	bool closed;

	spin_lock(&scope->files_lock);
	closed = f->state == CDEVM_FILE_CLOSED;
	spin_unlock(&scope->files_lock);
	return closed;
}

static void cdevm_run_actions(struct cdevm_file *f)
{
	if (!resmgr_empty(&f->actions))
		resmgr_release_final(&f->actions);
}

/* Do the work for a file that was claimed: last in, first out. */
static int cdevm_close_file(struct cdevm_file *f)
{
	const struct file_operations *orig = f->wrapped->orig;
	struct file *file = f->file;

	cdevm_run_actions(f);
	if (!f->wrapped->listed)
		return 0;
	/* At close the VFS has done these before. */
	cdevm_unhook_polled(file);
	if (file->f_flags & FASYNC && orig->fasync)
		orig->fasync(-1, file, 0);
	return orig->release ? orig->release(file_inode(file), file) : 0;
}

static void cdevm_file_closed(struct cdevm_file *f)
{
	struct cdevm_scope *scope = f->wrapped->scope;

	spin_lock(&scope->files_lock);
	f->state = CDEVM_FILE_CLOSED;
	list_del_init(&f->link);
	spin_unlock(&scope->files_lock);
	/* @f may be freed from here on. */
	wake_up_all(&cdevm_file_wait);
}

/**
 * cdevm_finish_file() - finish a file that is closed, or failed to open
 * @wrapped: its operations
 * @file: the file
 * @gone: set to true if the file only holds the memory of the scope
 *
 * Does the work for the file, unless the unbind has. In that case it waits
 * until the unbind is done with it.
 *
 * Context: Process context, sleeps.
 * Return: the return value of the driver's ->release(), if it was called.
 */
int cdevm_finish_file(struct cdevm_fops *wrapped, struct file *file, bool *gone)
{
	struct cdevm_scope *scope = wrapped->scope;
	struct cdevm_file *f;
	bool claimed;
	int ret = 0;

	*gone = false;
	spin_lock(&scope->files_lock);
	f = cdevm_find_file(scope, file);
	claimed = f && f->state == CDEVM_FILE_OPEN;
	if (claimed)
		cdevm_claim(f);
	/* A late call, which is going to look at it, holds the file. */
	WARN_ON_ONCE(claimed && f->calls);
	spin_unlock(&scope->files_lock);
	if (!f)
		return 0;

	if (claimed)
		ret = cdevm_close_file(f);
	else
		wait_event(cdevm_file_wait, cdevm_is_closed(f));
	*gone = f->gone;

	spin_lock(&scope->files_lock);
	rb_erase(&f->node, &scope->files);
	list_del(&f->link);
	spin_unlock(&scope->files_lock);
	if (claimed)
		wake_up_all(&cdevm_file_wait);
	kfree(f);
	return ret;
}

/**
 * cdevm_forget_file() - drop the record of a file whose open() failed
 * @wrapped: operations that it was opened with
 * @file: the file; the caller is inside the gate
 *
 * Runs its actions, but not ->release(): there was no open().
 *
 * Context: Process context, may sleep.
 */
void cdevm_forget_file(struct cdevm_fops *wrapped, struct file *file)
{
	struct cdevm_scope *scope = wrapped->scope;
	struct cdevm_file *f;

	spin_lock(&scope->files_lock);
	f = cdevm_find_file(scope, file);
	if (f) {
		rb_erase(&f->node, &scope->files);
		list_del(&f->link);
	}
	spin_unlock(&scope->files_lock);
	if (!f)
		return;
	cdevm_run_actions(f);
	kfree(f);
}

/**
 * cdevm_late_begin() - begin a call that undoes something, after the revoke
 * @file: the file
 * @late: the call, on the stack of the caller
 *
 * Waits while the actions of a file run whose ->release() is not called at
 * unbind.
 *
 * Context: Process context, may sleep.
 * Return: true if the driver may be called, to be followed by cdevm_late_end();
 * false if its ->release() was called for this file, or is being called.
 */
bool cdevm_late_begin(struct file *file, struct cdevm_late *late)
{
	struct cdevm_fops *wrapped = cdevm_file_fops(file);
	struct cdevm_scope *scope = wrapped->scope;
	bool closing = false;
	struct cdevm_file *f;

	late->counted = NULL;
	late->task = current;
	if (!READ_ONCE(scope->tracked))
		return true;

	spin_lock(&scope->files_lock);
	f = cdevm_find_file(scope, file);
	if (f && f->state == CDEVM_FILE_OPEN) {
		f->calls++;
		late->counted = f;
		list_add(&late->link, &scope->late_calls);
	} else if (f) {
		/* One of the actions may have led here. */
		closing = f->state == CDEVM_FILE_CLOSING && f->closer != current;
	}
	spin_unlock(&scope->files_lock);
	if (late->counted)
		return true;
	if (wrapped->listed)
		return false;
	if (closing)
		wait_event(cdevm_file_wait, cdevm_is_closed(f));
	return true;
}

void cdevm_late_end(struct cdevm_late *late)
{
	struct cdevm_scope *scope;

	if (!late->counted)
		return;
	scope = late->counted->wrapped->scope;
	spin_lock(&scope->files_lock);
	late->counted->calls--;
	list_del(&late->link);
	spin_unlock(&scope->files_lock);
	wake_up_all(&cdevm_file_wait);
}

/*
 * The driver has released the file. Let go of the driver if nothing of the file
 * can call it any more.
 */
static void cdevm_let_go(struct cdevm_file *f)
{
	struct cdevm_scope *scope = f->wrapped->scope;

	f->gone = f->wrapped->lets_go && !READ_ONCE(scope->sticky);
	if (!f->gone)
		return;
	module_put(scope->owner);
	/* The task that ends the scope has a reference of its own. */
	cdevm_put(scope);
}

/* Claim the newest unclaimed file. Returns %NULL if there is none. */
static struct cdevm_file *cdevm_claim_newest(struct cdevm_scope *scope)
{
	struct cdevm_file *f;

	spin_lock(&scope->files_lock);
	f = list_first_entry_or_null(&scope->open_files, struct cdevm_file, link);
	if (f)
		cdevm_claim(f);
	spin_unlock(&scope->files_lock);
	return f;
}

static bool cdevm_has_no_call(struct cdevm_file *f)
{
	struct cdevm_scope *scope = f->wrapped->scope;
	bool none;

	spin_lock(&scope->files_lock);
	none = !f->calls;
	spin_unlock(&scope->files_lock);
	return none;
}

static bool cdevm_none_is_closing(struct cdevm_scope *scope)
{
	bool none;

	spin_lock(&scope->files_lock);
	none = list_empty(&scope->closing_files);
	spin_unlock(&scope->files_lock);
	return none;
}

static void cdevm_wait_file(struct cdevm_scope *scope, struct cdevm_file *f)
{
	while (!wait_event_timeout(cdevm_file_wait, f ? cdevm_has_no_call(f) :
				   cdevm_none_is_closing(scope), CDEVM_REPORT_AFTER))
		pr_warn("cdevm: %s: unbind waits for %s of a file of the driver\n",
			scope->name, f ? "an unlock, or the like," : "the release");
}

/**
 * cdevm_close_files() - do the work at unbind for open files
 * @scope: scope, with no call inside any more but those of this task
 *
 * Newest file first. Does nothing if a call of this task is inside, which ends
 * its own scope: its file is in use. The work is then done when the files are
 * closed.
 *
 * Context: Process context, sleeps.
 */
void cdevm_close_files(struct cdevm_scope *scope)
{
	struct cdevm_file *f;

	if (cdevm_own_calls(scope))
		return;
	while ((f = cdevm_claim_newest(scope))) {
		cdevm_wait_file(scope, f);
		cdevm_close_file(f);
		cdevm_let_go(f);
		cdevm_file_closed(f);
		/* A user may have opened very many. */
		cond_resched();
	}
	cdevm_wait_file(scope, NULL);
}

/*
 * Returns the manager of the actions of a file, if actions can still be added.
 */
static struct resmgr *cdevm_file_actions(struct file *file)
{
	struct cdevm_scope *scope;
	struct cdevm_file *f;

	if (WARN(!cdevm_is_wrapped(file->f_op),
		 "cdevm: a file of %ps is none of a scope\n", file->f_op))
		return NULL;
	scope = cdevm_file_fops(file)->scope;
	spin_lock(&scope->files_lock);
	f = cdevm_find_file(scope, file);
	if (f && f->state != CDEVM_FILE_OPEN)
		f = NULL;
	spin_unlock(&scope->files_lock);
	return f ? &f->actions : NULL;
}

/**
 * __cdevm_file_add_action() - add an action to a file, with a given name
 * @file: file of a node of a scope
 * @action: function to call
 * @data: its argument
 * @name: for traces; a string constant
 *
 * Context: Process context, may sleep. From a file operation, or after
 * cdevm_enter() with a reference on @file.
 * Return: as cdevm_file_add_action().
 */
int __cdevm_file_add_action(struct file *file, resmgr_action_t action, void *data,
			    const char *name)
{
	struct resmgr *actions = cdevm_file_actions(file);
	int ret;

	if (actions)
		return __resmgr_add_action(actions, action, data, name);
	if (!cdevm_is_wrapped(file->f_op))
		return -EINVAL;
	/* In ->release() or in an action it is too late. */
	if (cdevm_is_revoked(cdevm_file_fops(file)->scope) || !file_count(file))
		return -ENODEV;
	ret = cdevm_list_file(file);
	if (ret)
		return ret;
	actions = cdevm_file_actions(file);
	return actions ? __resmgr_add_action(actions, action, data, name) : -ENODEV;
}
EXPORT_SYMBOL_GPL(__cdevm_file_add_action);

/**
 * cdevm_file_remove_action() - forget an action of a file without calling it
 * @file: the file
 * @action: its function
 * @data: its argument; of several equal ones the newest is taken
 *
 * Context: As __cdevm_file_add_action(), but not in ->release(): the actions
 * have run by then.
 * Return: 0; -ENOENT with a WARN if there is none.
 */
int cdevm_file_remove_action(struct file *file, resmgr_action_t action, void *data)
{
	struct resmgr *actions = cdevm_file_actions(file);

	if (WARN(!actions, "cdevm: %ps: an action of a file that has none\n", action))
		return -ENOENT;
	return resmgr_remove_action(actions, action, data);
}
EXPORT_SYMBOL_GPL(cdevm_file_remove_action);
