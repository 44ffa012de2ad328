// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm: list of scopes, open files and calls inside, in debugfs
 *
 * A scope only knows its references and, for each node, how many files are
 * open. The processes that have them open are found in the file tables of all
 * processes. A file that is in flight in a message, or was mapped and closed,
 * is counted but is in no table. The calls inside are found by looking at all
 * tasks, see cdevm/look.c.
 *
 * No reference is taken on a scope: it could become the last one to be dropped,
 * which would release the resources of a driver. The lock of the list of scopes
 * keeps them while they are copied. Tasks are looked at one by one, without
 * that lock; what is found there refers to a scope by its number.
 */
#include <linux/fdtable.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../cdevm/internal.h"
#include "debugfs.h"
#include "../internal.h"

/**
 * struct cdevm_scope_copy - copy of a scope
 * @id: its number
 * @owner: name of its device
 * @state: where it is in its life
 * @refs: number of references
 * @bind_ref: one of them is the binding's
 */
struct cdevm_scope_copy {
	u64		id;
	char		owner[64];
	const char	*state;
	unsigned int	refs;
	bool		bind_ref;
};

/**
 * struct cdevm_node_copy - copy of a node
 * @scope: number of its scope
 * @fops: identifies the node. Must not be dereferenced
 * @name: its name
 * @published: it can be opened
 * @files: number of open files
 */
struct cdevm_node_copy {
	u64				scope;
	const struct cdevm_fops		*fops;
	char				name[sizeof_field(struct cdevm_node, name)];
	bool				published;
	unsigned int			files;
};

/**
 * struct cdevm_user - a task that has a file open, or is inside a call
 * @scope: number of the scope
 * @fops: identifies the node of the file. Must not be dereferenced. %NULL for a
 *	call
 * @pid: pid of the task
 * @comm: its name
 * @fd: number of the file descriptor
 * @method: method that the task is inside
 * @fn: function of the driver
 * @runs: the task does not sleep
 */
struct cdevm_user {
	u64			scope;
	const struct cdevm_fops	*fops;
	pid_t			pid;
	char			comm[TASK_COMM_LEN];
	unsigned int		fd;
	const char		*method;
	void			*fn;
	bool			runs;
};

/**
 * struct cdevm_array - items collected under a lock, where it cannot grow
 * @items: the memory
 * @count: number of items
 * @room: number of items that fit
 */
struct cdevm_array {
	void		*items;
	unsigned int	count;
	unsigned int	room;
};

/**
 * struct cdevm_list - the scopes at one time
 * @scopes: of &struct cdevm_scope_copy
 * @nodes: of &struct cdevm_node_copy
 * @users: of &struct cdevm_user
 */
struct cdevm_list {
	struct cdevm_array	scopes;
	struct cdevm_array	nodes;
	struct cdevm_array	users;
};

#define cdevm_for_each_item(item, array)				\
	for (item = (array)->items;					\
	     item < (typeof(item))(array)->items + (array)->count; item++)

/*
 * Returns the next free item of an array. If it is full, only counts the item
 * and returns %NULL.
 */
#define cdevm_array_add(array, type)					\
({									\
	struct cdevm_array *__array = (array);				\
	unsigned int __n = __array->count++;				\
									\
	__n < __array->room ? (type *)__array->items + __n : NULL;	\
})

static bool cdevm_array_fits(const struct cdevm_array *array)
{
	return array->count <= array->room;
}

/* Empty the array, and make room for as many items as were counted. */
static int cdevm_array_grow(struct cdevm_array *array, size_t size)
{
	if (!cdevm_array_fits(array)) {
		kvfree(array->items);
		array->room = array->count + array->count / 4 + 16;
		array->items = kvmalloc_array(array->room, size, GFP_KERNEL);
	}
	array->count = 0;
	if (array->items || !array->room)
		return 0;
	array->room = 0;
	return -ENOMEM;
}

/* Arguments for cdevm_look_at_file(). */
struct cdevm_look {
	struct cdevm_list	*list;
	struct task_struct	*task;
};

static struct cdevm_user *cdevm_add_user(struct cdevm_list *list,
					 struct task_struct *task, u64 scope)
{
	struct cdevm_user *user = cdevm_array_add(&list->users, struct cdevm_user);

	if (!user)
		return NULL;
	memset(user, 0, sizeof(*user));
	user->scope = scope;
	user->pid = task_pid_nr(task);
	strscpy(user->comm, task->comm, sizeof(user->comm));
	return user;
}

/*
 * Called with the lock of the table held: the file exists, and so do its
 * operations.
 */
static int cdevm_look_at_file(const void *data, struct file *file, unsigned int fd)
{
	const struct file_operations *fops = READ_ONCE(file->f_op);
	const struct cdevm_look *look = data;
	struct cdevm_fops *wrapped;
	struct cdevm_user *user;

	if (!cdevm_is_wrapped(fops))
		return 0;
	wrapped = container_of(fops, struct cdevm_fops, fops);
	user = cdevm_add_user(look->list, look->task, wrapped->scope->id);
	if (user) {
		user->fops = wrapped;
		user->fd = fd;
	}
	return 0;
}

/*
 * Returns true once for the threads of a process that share their files, as
 * they normally do.
 */
static bool cdevm_has_own_files(struct task_struct *task)
{
	struct task_struct *leader;
	bool own = false;

	/* The leader of a task that was reaped may be freed. */
	rcu_read_lock();
	leader = task->group_leader;
	if (pid_alive(task))
		own = task == leader ||
		      READ_ONCE(task->files) != READ_ONCE(leader->files);
	rcu_read_unlock();
	return own;
}

static void cdevm_look_at_files(struct cdevm_list *list, struct task_struct *task)
{
	struct cdevm_look look = { .list = list, .task = task };

	if (!cdevm_has_own_files(task))
		return;
	task_lock(task);
	if (task->files)
		iterate_fd(task->files, 0, cdevm_look_at_file, &look);
	task_unlock(task);
}

/**
 * struct cdevm_seen - the calls that a task is inside
 * @sight: the look at the task
 * @calls: the calls
 * @count: number of calls
 */
struct cdevm_seen {
	struct cdevm_sight	sight;
	struct cdevm_call	calls[CDEVM_DEPTH];
	unsigned int		count;
};

/*
 * Called with locks of the scheduler held. Returns false to go on to the next
 * call.
 */
static bool cdevm_note_call(struct cdevm_sight *sight)
{
	struct cdevm_seen *seen = container_of(sight, struct cdevm_seen, sight);

	seen->calls[seen->count++] = sight->call;
	return false;
}

static void cdevm_add_calls(struct cdevm_list *list, const struct cdevm_seen *seen)
{
	const struct cdevm_call *call;
	struct cdevm_scope *scope;
	struct cdevm_user *user;

	/*
	 * Compare addresses only: a call that has ended may refer to a scope
	 * that is gone.
	 */
	spin_lock(&cdevm_live_lock);
	for (call = seen->calls; call < seen->calls + seen->count; call++)
		list_for_each_entry(scope, &cdevm_live, live) {
			if (scope != call->scope)
				continue;
			user = cdevm_add_user(list, seen->sight.task, scope->id);
			if (!user)
				continue;
			user->method = call->method;
			user->fn = call->fn;
			user->runs = seen->sight.running ||
				     !(seen->sight.state & TASK_NORMAL);
		}
	spin_unlock(&cdevm_live_lock);
}

/*
 * Returns the first task with this number or a higher one, with a reference on
 * it.
 */
static struct task_struct *cdevm_get_task(pid_t *nr)
{
	struct task_struct *task = NULL;
	struct pid *pid;

	rcu_read_lock();
	while (!task) {
		pid = find_ge_pid(*nr, &init_pid_ns);
		if (!pid)
			break;
		*nr = pid_nr(pid) + 1;
		task = pid_task(pid, PIDTYPE_PID);
	}
	if (task)
		get_task_struct(task);
	rcu_read_unlock();
	return task;
}

static void cdevm_look_at_tasks(struct cdevm_list *list, struct cdevm_seen *seen)
{
	struct task_struct *task;
	pid_t nr = 1;

	while ((task = cdevm_get_task(&nr))) {
		cdevm_look_at_files(list, task);
		seen->count = 0;
		cdevm_look(task, &seen->sight);
		cdevm_add_calls(list, seen);
		put_task_struct(task);
		cond_resched();
	}
}

/* Copy the nodes that are published, and those that were and are still open. */
static void cdevm_copy_nodes(struct cdevm_list *list, struct cdevm_scope *scope,
			     struct resmgr *mgr)
{
	struct cdevm_node_copy *copy;
	struct resmgr *nodes = &scope->steps[CDEVM_STEP_UNPUBLISH];
	struct resmgr_node **link;
	struct cdevm_node *node;
	unsigned int files;
	bool published;

	lockdep_assert_held(&mgr->lock);

	for (link = &mgr->newest; resmgr_is_node(*link); link = &(*link)->older) {
		if ((*link)->name != cdevm_node_name)
			continue;
		node = (void *)container_of(*link, struct resmgr_data, node)->data;
		spin_lock(&nodes->lock);
		published = resmgr_is_linked(&node->res);
		spin_unlock(&nodes->lock);
		files = atomic_read(&node->fops.files);
		if (!published && !files)
			continue;
		copy = cdevm_array_add(&list->nodes, struct cdevm_node_copy);
		if (!copy)
			continue;
		copy->scope = scope->id;
		copy->fops = &node->fops;
		strscpy(copy->name, node->name, sizeof(copy->name));
		copy->published = published;
		copy->files = files;
	}
}

static void cdevm_copy_scopes(struct cdevm_list *list)
{
	struct cdevm_scope_copy *copy;
	struct cdevm_scope *scope;
	unsigned long flags;
	struct resmgr *mgr;

	spin_lock(&cdevm_live_lock);
	list_for_each_entry(scope, &cdevm_live, live) {
		/* The memory of nodes is in one of these. */
		mgr = cdevm_mgr(scope);
		spin_lock_irqsave(&mgr->lock, flags);
		cdevm_copy_nodes(list, scope, mgr);
		spin_unlock_irqrestore(&mgr->lock, flags);
		mgr = &scope->steps[CDEVM_STEP_FREE];
		spin_lock_irqsave(&mgr->lock, flags);
		cdevm_copy_nodes(list, scope, mgr);
		spin_unlock_irqrestore(&mgr->lock, flags);

		copy = cdevm_array_add(&list->scopes, struct cdevm_scope_copy);
		if (!copy)
			continue;
		copy->id = scope->id;
		strscpy(copy->owner, scope->name, sizeof(copy->owner));
		copy->refs = refcount_read(&scope->obj.ref);
		copy->bind_ref = READ_ONCE(scope->bind_ref);
		if (!scope->dev && !scope->alone)
			copy->state = "unbound";
		else if (cdevm_is_revoked(scope))
			copy->state = "revoked";
		else if (!resmgr_empty(&scope->steps[CDEVM_STEP_UNPUBLISH]))
			copy->state = "published";
		else
			copy->state = "new";
	}
	spin_unlock(&cdevm_live_lock);
}

void cdevm_list_free(struct cdevm_list *list)
{
	if (!list)
		return;
	kvfree(list->scopes.items);
	kvfree(list->nodes.items);
	kvfree(list->users.items);
	kfree(list);
}

/**
 * cdevm_list_make() - copy the state of all scopes
 *
 * Context: Process context, may sleep.
 * Return: the copy, or ERR_PTR(-ENOMEM).
 */
struct cdevm_list *cdevm_list_make(void)
{
	struct cdevm_list *list = kzalloc_obj(*list, GFP_KERNEL);
	struct cdevm_seen *seen = kzalloc_obj(*seen, GFP_KERNEL);

	if (!list || !seen)
		goto err;
	seen->sight.wanted = cdevm_note_call;
	do {
		if (cdevm_array_grow(&list->scopes, sizeof(struct cdevm_scope_copy)) ||
		    cdevm_array_grow(&list->nodes, sizeof(struct cdevm_node_copy)) ||
		    cdevm_array_grow(&list->users, sizeof(struct cdevm_user)))
			goto err;
		/*
		 * Walks all tasks, so only if there is a scope. A user of a
		 * scope that is gone by the time scopes are copied is not
		 * shown.
		 */
		if (!list_empty(&cdevm_live))
			cdevm_look_at_tasks(list, seen);
		cdevm_copy_scopes(list);
	} while (!cdevm_array_fits(&list->scopes) ||
		 !cdevm_array_fits(&list->nodes) ||
		 !cdevm_array_fits(&list->users));
	kfree(seen);
	return list;

err:
	cdevm_list_free(list);
	kfree(seen);
	return ERR_PTR(-ENOMEM);
}

static void cdevm_show_scope_text(struct seq_file *m, const struct cdevm_list *list,
				  const struct cdevm_scope_copy *scope)
{
	const struct cdevm_node_copy *node;
	const struct cdevm_user *user;

	seq_puts(m, "scope ");
	seq_escape(m, scope->owner, "\n\\");
	seq_printf(m, " #%llu: %s, %u references%s\n", scope->id, scope->state,
		   scope->refs, scope->bind_ref ? ", one of the binding" : "");
	cdevm_for_each_item(node, &list->nodes) {
		if (node->scope != scope->id)
			continue;
		seq_puts(m, "   node ");
		seq_escape(m, node->name, "\n\\");
		seq_printf(m, ": %s, %u open\n",
			   node->published ? "published" : "gone", node->files);
		cdevm_for_each_item(user, &list->users) {
			if (user->scope != scope->id || user->fops != node->fops)
				continue;
			seq_puts(m, "      open in ");
			seq_escape(m, user->comm, "\n\\");
			seq_printf(m, "[%d] as fd %u\n", user->pid, user->fd);
		}
	}
	cdevm_for_each_item(user, &list->users) {
		if (user->scope != scope->id || user->fops)
			continue;
		seq_puts(m, "   inside: ");
		seq_escape(m, user->comm, "\n\\");
		seq_printf(m, "[%d] %s in %s, %pS\n", user->pid,
			   user->runs ? "runs" : "sleeps", user->method, user->fn);
	}
}

static void cdevm_show_task_json(struct seq_file *m, const struct cdevm_user *user)
{
	seq_printf(m, "{\"pid\":%d,\"comm\":", user->pid);
	resmgr_json_string(m, user->comm);
	if (user->fops) {
		seq_printf(m, ",\"fd\":%u}", user->fd);
		return;
	}
	seq_printf(m, ",\"method\":\"%s\",\"function\":", user->method);
	resmgr_json_symbol(m, "%pS", (unsigned long)user->fn);
	seq_putc(m, '}');
}

/* Print the users of a node; for %NULL, the calls inside. */
static void cdevm_show_users_json(struct seq_file *m, const struct cdevm_list *list,
				  u64 scope, const struct cdevm_fops *fops)
{
	const struct cdevm_user *user;
	const char *comma = "";

	cdevm_for_each_item(user, &list->users) {
		if (user->scope != scope || user->fops != fops)
			continue;
		seq_puts(m, comma);
		cdevm_show_task_json(m, user);
		comma = ",";
	}
}

static void cdevm_show_scope_json(struct seq_file *m, const struct cdevm_list *list,
				  const struct cdevm_scope_copy *scope)
{
	const struct cdevm_node_copy *node;
	const char *comma = "";

	seq_puts(m, "\n{\"owner\":");
	resmgr_json_string(m, scope->owner);
	seq_printf(m, ",\"id\":%llu,\"state\":\"%s\",\"references\":%u,\"bind_reference\":%s,\"nodes\":[",
		   scope->id, scope->state, scope->refs,
		   scope->bind_ref ? "true" : "false");
	cdevm_for_each_item(node, &list->nodes) {
		if (node->scope != scope->id)
			continue;
		seq_printf(m, "%s\n {\"name\":", comma);
		resmgr_json_string(m, node->name);
		seq_printf(m, ",\"published\":%s,\"open\":%u,\"fds\":[",
			   node->published ? "true" : "false", node->files);
		cdevm_show_users_json(m, list, scope->id, node->fops);
		seq_puts(m, "]}");
		comma = ",";
	}
	seq_puts(m, "],\"calls\":[");
	cdevm_show_users_json(m, list, scope->id, NULL);
	seq_puts(m, "]}");
}

/**
 * cdevm_list_show() - print a copy
 * @m: output
 * @list: the copy
 * @json: print JSON
 *
 * Context: Any context.
 */
void cdevm_list_show(struct seq_file *m, const struct cdevm_list *list, bool json)
{
	const struct cdevm_scope_copy *scope;

	cdevm_for_each_item(scope, &list->scopes) {
		if (!json) {
			cdevm_show_scope_text(m, list, scope);
			continue;
		}
		if (scope != list->scopes.items)
			seq_putc(m, ',');
		cdevm_show_scope_json(m, list, scope);
	}
}
