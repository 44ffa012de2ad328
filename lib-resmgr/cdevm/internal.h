/* SPDX-License-Identifier: GPL-2.0 */
/* cdevm: internal interfaces */
#ifndef _LIB_RESMGR_CDEVM_INTERNAL_H
#define _LIB_RESMGR_CDEVM_INTERNAL_H

#include <linux/atomic.h>
#include <linux/cdevm.h>
#include <linux/cdevm_call.h>
#include <linux/kobject.h>
#include <linux/spinlock.h>
#include <trace/events/cdevm.h>

/**
 * struct cdevm_fops - wrapped file operations of a published node
 * @fops: the operations that the VFS sees
 * @orig: the driver's operations
 * @scope: the calls go through its gate, and each open file holds it
 * @name: name of the node, for traces
 * @hangup: what poll() reports after the revoke
 * @mappings_stay: mappings are not zapped; see &struct cdevm_ops
 * @listed: each open file has a record, since it is released at unbind
 * @lets_go: a file that was released points to nothing of the driver's
 * @files: with %CONFIG_RESMGR_DEBUG: number of open files
 */
struct cdevm_fops {
	struct file_operations		fops;
	const struct file_operations	*orig;
	struct cdevm_scope		*scope;
	const char			*name;
	__poll_t			hangup;
	bool				mappings_stay;
	bool				listed;
	bool				lets_go;
#ifdef CONFIG_RESMGR_DEBUG
	atomic_t			files;
#endif
};

/**
 * struct cdevm_node - a published character device
 * @res: resource of %CDEVM_STEP_UNPUBLISH while it is published
 * @fops: the wrapped file operations
 * @cdev: the driver's cdev, or %NULL
 * @misc: the driver's misc device, or %NULL
 * @misc_device: reference on the device of @misc: calls and releases may use it
 * @misc_held: resource that drops @misc_device
 * @device: the driver's device, published with @cdev, or %NULL
 * @pin: parent of a @cdev without a @device; holds the scope
 * @device_hash: link in cdevm_devices. Protected by cdevm_devices_lock
 * @device_release: original release function of @device, or %NULL
 * @type: type of a subsystem's node, or %NULL
 * @data: data of the subsystem
 * @published: @res is on its manager. Protected by &cdevm_scope.lock
 * @next: link in &cdevm_scope.anon; constant once it is on the list
 * @name: name, for traces
 */
struct cdevm_node {
	struct resmgr_node	res;
	struct cdevm_fops	fops;
	struct cdev		*cdev;
	struct miscdevice	*misc;
	struct device		*misc_device;
	struct resmgr_node	misc_held;
	struct device		*device;
	struct kobject		pin;
	struct hlist_node	device_hash;
	void			(*device_release)(struct device *device);
	const struct cdevm_node_type *type;
	void			*data;
	bool			published;
	struct cdevm_node	*next;
	char			name[32];
};

/* Name that the memory of a node has among the resources of its scope. */
extern const char cdevm_node_name[];

/*
 * Protects cdevm_live, every scope on it until the scope is freed, and the @dev
 * of each scope.
 */
extern spinlock_t cdevm_live_lock;
extern struct list_head cdevm_live;

/*
 * What the name of a call begins with that undoes something, perhaps for a file
 * that is being closed.
 */
#define CDEVM_UNDO	"undoing "

/*
 * Begin a call, if the gate lets it in. A record only exists inside a gated
 * section: a task that has one is counted. In task context only. @fn is
 * evaluated inside: the driver may be gone once the gate is closed.
 */
#define cdevm_begin(call, _scope, method, fn)				\
({									\
	bool __inside = cdevm_enter(_scope);				\
									\
	if (__inside)							\
		cdevm_push_call(call, _scope, method, fn);		\
	__inside;							\
})

/* The record knows the scope: no register has to keep it during the call. */
static __always_inline void cdevm_end(struct cdevm_call *call)
{
	cdevm_pop_call(call);
	cdevm_exit(call->scope);
}

/*
 * Call a method of wrapped operations, of a file or of a mapping, inside the
 * gate of their scope, or return @refusal. The record is either written
 * completely or not used.
 */
#define cdevm_call(_wrapped, refusal, method, ...)			\
({									\
	typeof(_wrapped) __wrapped = (_wrapped);			\
	struct cdevm_scope *__scope = __wrapped->scope;			\
	typeof(__wrapped->orig->method(__VA_ARGS__)) __ret;		\
	struct cdevm_call __call __uninitialized;			\
									\
	if (cdevm_enter(__scope)) {					\
		typeof(__wrapped->orig->method) __method = __wrapped->orig->method; \
									\
		cdevm_push_call(&__call, __scope, #method, (void *)__method); \
		__ret = __method(__VA_ARGS__);				\
		cdevm_end(&__call);					\
	} else {							\
		__ret = (refusal);					\
	}								\
	__ret;								\
})

/*
 * Emit a trace event of a scope, with the next number of its manager. Costs a
 * static branch when the event is off.
 */
#define cdevm_trace(event, _scope, ...)					\
do {									\
	struct cdevm_scope *__scope = (_scope);				\
	struct resmgr *__mgr = cdevm_mgr(__scope);			\
	unsigned long __flags;						\
									\
	if (!trace_cdevm_##event##_enabled())				\
		break;							\
	spin_lock_irqsave(&__mgr->lock, __flags);			\
	trace_cdevm_##event(__scope, ##__VA_ARGS__, __mgr->seq++);	\
	spin_unlock_irqrestore(&__mgr->lock, __flags);			\
} while (0)

/*
 * Hold the memory of a scope but not its resources: for files and cdevs that
 * have let go of the driver.
 */
static inline void cdevm_hold_memory(struct cdevm_scope *scope)
{
	refcount_inc(&scope->held);
}

void cdevm_put_memory(struct cdevm_scope *scope);

/* Parts of a scope, each with one node that can be removed alone */
struct cdevm_scope *cdevm_add_part(struct cdevm_scope *scope, struct cdevm_node **only);
void cdevm_drop_part(struct cdevm_scope *part);
void cdevm_end_part(struct cdevm_scope *part);
struct cdevm_node *cdevm_node_alloc(struct cdevm_scope *scope, bool listed, gfp_t gfp);

/* Returns the scope whose memory holds the driver's structs. */
static inline const struct cdevm_scope *cdevm_whole(const struct cdevm_scope *scope)
{
	return scope->parent ?: scope;
}

/*
 * Returns true if files are released at unbind. Those of a subsystem's nodes
 * never are.
 */
static inline bool cdevm_releases_at_unbind(const struct cdevm_scope *scope)
{
	return scope->ops && scope->ops->release_at_unbind;
}

static inline struct cdevm_fops *cdevm_file_fops(const struct file *file)
{
	return container_of(file->f_op, struct cdevm_fops, fops);
}

/* Returns true if @fops is in a &struct cdevm_fops. */
bool cdevm_is_wrapped(const struct file_operations *fops);
void cdevm_fops_init(struct cdevm_fops *wrapped, struct cdevm_scope *scope,
		     const struct file_operations *orig, const char *name,
		     const struct cdevm_node_type *type);

bool cdevm_lets_go(const struct cdevm_scope *scope, const struct cdevm_node_type *type,
		   const struct file_operations *orig);

int cdevm_give_file(struct file *file, struct cdevm_fops *wrapped);

/* Files with work to do at unbind, in files.c */
int cdevm_list_file(struct file *file);
int cdevm_finish_file(struct cdevm_fops *wrapped, struct file *file, bool *gone);
void cdevm_forget_file(struct cdevm_fops *wrapped, struct file *file);

struct cdevm_file;

/**
 * struct cdevm_late - a call that undoes something, after the revoke
 * @link: link in &cdevm_scope.late_calls
 * @task: the task that is in it
 * @counted: record of the file that has counted it, or %NULL
 */
struct cdevm_late {
	struct list_head	link;
	struct task_struct	*task;
	struct cdevm_file	*counted;
};

bool cdevm_late_begin(struct file *file, struct cdevm_late *late);
void cdevm_late_end(struct cdevm_late *late);
void cdevm_close_files(struct cdevm_scope *scope);
bool cdevm_is_closing_file(struct cdevm_scope *scope);

/* State that only the list in debugfs needs. */
#ifdef CONFIG_RESMGR_DEBUG
static inline void cdevm_debug_begins(struct cdevm_scope *scope)
{
	static atomic64_t last = ATOMIC64_INIT(0);

	scope->id = atomic64_inc_return(&last);
}

static inline void cdevm_debug_bound(struct cdevm_scope *scope)
{
	scope->bind_ref = true;
}

static inline void cdevm_debug_unbound(struct cdevm_scope *scope)
{
	WRITE_ONCE(scope->bind_ref, false);
}

static inline void cdevm_debug_opened(struct cdevm_fops *wrapped)
{
	atomic_inc(&wrapped->files);
}

static inline void cdevm_debug_closed(struct cdevm_fops *wrapped)
{
	atomic_dec(&wrapped->files);
}
#else
static inline void cdevm_debug_begins(struct cdevm_scope *scope)
{
}

static inline void cdevm_debug_bound(struct cdevm_scope *scope)
{
}

static inline void cdevm_debug_unbound(struct cdevm_scope *scope)
{
}

static inline void cdevm_debug_opened(struct cdevm_fops *wrapped)
{
}

static inline void cdevm_debug_closed(struct cdevm_fops *wrapped)
{
}
#endif

/* Pollers, in poll.c */
__poll_t cdevm_poll(struct file *file, struct poll_table_struct *table);
void cdevm_wake_polled(struct cdevm_scope *scope);
void cdevm_unhook_polled(const struct file *file);
void cdevm_forget_polled(const struct file *file);

/* Mappings, in mmap.c */
struct vm_area_struct;
struct vm_area_desc;
bool cdevm_can_be_mapped(const struct file_operations *orig);
bool cdevm_is_zapped(const struct cdevm_fops *wrapped);
int cdevm_mapping_init(struct cdevm_scope *scope);
void cdevm_mapping_destroy(struct cdevm_scope *scope);
void cdevm_set_mapping(struct file *file, const struct cdevm_fops *wrapped);
void cdevm_zap(struct cdevm_scope *scope);
void cdevm_wait_mappers(struct cdevm_scope *scope);
int cdevm_mmap(struct file *file, struct vm_area_struct *vma);
int cdevm_mmap_prepare(struct vm_area_desc *desc);

/* Calls inside, in calls.c and look.c */

/* More than the depth of methods that call each other. */
#define CDEVM_DEPTH	8

/**
 * struct cdevm_sight - a search in the calls of a task
 * @wanted: returns true if @call is the wanted one
 * @call: copy of a call
 * @task: the task
 * @state: its state
 * @running: the task was on a CPU
 * @found: a wanted call was found; it is in @call
 */
struct cdevm_sight {
	bool			(*wanted)(struct cdevm_sight *sight);
	struct cdevm_call	call;
	struct task_struct	*task;
	unsigned int		state;
	bool			running;
	bool			found;
};

bool cdevm_look(struct task_struct *task, struct cdevm_sight *sight);
unsigned int cdevm_own_calls(const struct cdevm_scope *scope);
bool cdevm_is_in_call_of(const struct cdevm_scope *scope);
const struct cdevm_call *cdevm_own_call(const struct cdevm_scope *scope);
bool cdevm_is_in_some_call(void);
bool cdevm_is_in_mapping_call(void);

/* Calls that do not leave, in watch.c */

/*
 * How long to wait before a wait is reported to the log, and reported again.
 * Long enough for a slow device to finish a request, and well below the 120 s
 * of the hung task detector, whose report does not say what the task waits for.
 */
#define CDEVM_REPORT_AFTER	(10 * HZ)

void cdevm_watch_begin(struct cdevm_scope *scope);
void cdevm_watch_end(struct cdevm_scope *scope);

/* Remove every node, newest first. No node can be added afterwards. */
void cdevm_unpublish(struct cdevm_scope *scope);

#endif /* _LIB_RESMGR_CDEVM_INTERNAL_H */
