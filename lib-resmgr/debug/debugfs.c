// SPDX-License-Identifier: GPL-2.0
/*
 * Resource manager: list of all owners and their resources, in debugfs
 */

/**
 * DOC: lists in debugfs
 *
 * A manager is on the list of live managers from its first resource to its
 * last. An empty manager, as that of most devices, is not on it and costs
 * nothing. A manager joins and leaves under its own lock, and an owner does not
 * go before its resources. So while the lock of a manager on the list is held,
 * the manager, its class and the name of its owner are valid. So are the
 * resources on it and their names, whether these are in a module or in the
 * owner.
 *
 * So a reader copies the resources of one manager under its lock, including
 * strings. Then it drops the lock, and formats the copy for a user space that
 * may be slow. Others wait for a reader no longer than for the copy, which
 * takes as long as a search for a resource that is not there.
 *
 * A reader finds the next manager by an entry of its own on the list, which
 * stays there while its file is open. Managers join at the front and readers
 * move to the back, so a reader of a list that always changes still reaches the
 * end. A manager that is there from the beginning of a read to its end is
 * shown, and shown once. One that joins meanwhile is not shown.
 *
 * Lock order: a manager that joins or leaves holds its own lock and takes that
 * of the list. A reader holds that of the list when it needs that of the
 * manager. So it uses trylock; if that fails, it drops the lock of the list and
 * looks again, as the manager may be gone.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "debugfs.h"
#include "../internal.h"

/*
 * Protects resmgr_live and the @live of everything on it: managers, and the
 * places of readers. Taken under the lock of a manager, with interrupts off.
 */
static DEFINE_SPINLOCK(resmgr_live_lock);
static LIST_HEAD(resmgr_live);

void resmgr_live_join(struct resmgr *mgr)
{
	lockdep_assert_held(&mgr->lock);

	spin_lock(&resmgr_live_lock);
	list_add(&mgr->live, &resmgr_live);
	spin_unlock(&resmgr_live_lock);
}

void resmgr_live_leave(struct resmgr *mgr)
{
	lockdep_assert_held(&mgr->lock);

	spin_lock(&resmgr_live_lock);
	list_del(&mgr->live);
	spin_unlock(&resmgr_live_lock);
}

/**
 * struct resmgr_entry - copy of a resource
 * @name: cut when it is longer
 * @fn: release function, or %NULL. Only an address: its module may be gone
 * @added: time of the addition
 * @caller: who added it
 * @size: bytes
 * @kind: an &enum resmgr_kind
 */
struct resmgr_entry {
	char		name[64];
	void		*fn;
	u64		added;
	unsigned long	caller;
	u32		size;
	u32		kind;
};

/* Stages of a read. */
enum resmgr_stage {
	RESMGR_AT_HEAD,
	RESMGR_AT_MANAGER,
	RESMGR_AT_SCOPES,
	RESMGR_AT_END,
};

/**
 * struct resmgr_reader - an open file
 * @place: on resmgr_live, behind the managers that were shown. It is not a
 *	manager: it has no class
 * @json: print JSON
 * @stage: stage of the read
 * @pos: position in terms of seq_file
 * @index: number of the current manager, from 1
 * @now: time at which the manager was copied
 * @class: name of the class of the manager
 * @owner: name of its owner
 * @entries: its resources, in the order of their release
 * @count: number of resources
 * @room: number of resources that @entries has room for
 * @holders: known holders of references on its owner
 * @holders_count: number of holders
 * @holders_room: number of holders that @holders has room for
 * @scopes: the cdevm scopes, in that stage
 *
 * All but @place.live is protected by the lock of the seq_file.
 */
struct resmgr_reader {
	struct resmgr		place;
	bool			json;
	enum resmgr_stage	stage;
	loff_t			pos;
	unsigned int		index;
	u64			now;
	char			class[32];
	char			owner[64];
	struct resmgr_entry	*entries;
	unsigned int		count;
	unsigned int		room;
	struct resmgr_holder	*holders;
	unsigned int		holders_count;
	unsigned int		holders_room;
	struct cdevm_list	*scopes;
};

/* Returns the manager behind the place of @reader, or %NULL at the end. */
static struct resmgr *resmgr_live_next(struct resmgr_reader *reader)
{
	struct resmgr *mgr = &reader->place;

	lockdep_assert_held(&resmgr_live_lock);

	list_for_each_entry_continue(mgr, &resmgr_live, live)
		if (mgr->class)
			return mgr;
	return NULL;
}

/* Copy the resources of @mgr. Those that do not fit are only counted. */
static void resmgr_copy_locked(struct resmgr_reader *reader, struct resmgr *mgr)
{
	struct resmgr_node **link;
	struct resmgr_entry *entry;

	lockdep_assert_held(&mgr->lock);

	reader->count = 0;
	for (link = &mgr->newest; resmgr_is_node(*link); link = &(*link)->older) {
		const struct resmgr_node *node = *link;

		if (resmgr_is_marker(node) || reader->count++ >= reader->room)
			continue;
		entry = &reader->entries[reader->count - 1];
		strscpy(entry->name, node->name ?: "(unnamed)", sizeof(entry->name));
		entry->fn = node->fn;
		entry->added = node->added;
		entry->caller = node->caller;
		entry->size = node->size;
		entry->kind = node->kind;
	}
	reader->holders_count = resmgr_holders_copy(mgr, reader->holders,
						    reader->holders_room);
	strscpy(reader->class, mgr->class->name, sizeof(reader->class));
	strscpy(reader->owner, resmgr_owner_name(mgr), sizeof(reader->owner));
}

/* Returns true if everything fitted into the copy. */
static bool resmgr_copy_is_whole(const struct resmgr_reader *reader)
{
	return reader->count <= reader->room &&
	       reader->holders_count <= reader->holders_room;
}

/* Make room for more, as there may be more by the time memory is allocated. */
static int resmgr_make_room(struct resmgr_reader *reader)
{
	if (reader->count > reader->room) {
		kvfree(reader->entries);
		reader->room = reader->count + reader->count / 4 + 16;
		reader->entries = kvmalloc_array(reader->room, sizeof(*reader->entries),
						 GFP_KERNEL);
		if (!reader->entries) {
			reader->room = 0;
			return -ENOMEM;
		}
	}
	if (reader->holders_count > reader->holders_room) {
		kvfree(reader->holders);
		reader->holders_room = reader->holders_count + 16;
		reader->holders = kvmalloc_array(reader->holders_room,
						 sizeof(*reader->holders), GFP_KERNEL);
		if (!reader->holders) {
			reader->holders_room = 0;
			return -ENOMEM;
		}
	}
	return 0;
}

/*
 * Copy the next manager and move behind it. If its resources or holders do not
 * fit, stay: the counts are the room that they need.
 */
static bool resmgr_copy_next(struct resmgr_reader *reader)
{
	struct resmgr *mgr;
	unsigned long flags;

	for (;;) {
		spin_lock_irqsave(&resmgr_live_lock, flags);
		mgr = resmgr_live_next(reader);
		if (!mgr) {
			spin_unlock_irqrestore(&resmgr_live_lock, flags);
			return false;
		}
		if (spin_trylock(&mgr->lock))
			break;
		spin_unlock_irqrestore(&resmgr_live_lock, flags);
		/*
		 * On PREEMPT_RT the holder of the lock may be waiting for this
		 * CPU.
		 */
		usleep_range(20, 100);
	}
	spin_unlock(&resmgr_live_lock);

	resmgr_copy_locked(reader, mgr);
	if (resmgr_copy_is_whole(reader)) {
		spin_lock(&resmgr_live_lock);
		list_move(&reader->place.live, &mgr->live);
		spin_unlock(&resmgr_live_lock);
	}
	spin_unlock_irqrestore(&mgr->lock, flags);
	return true;
}

/* Return: 1 when there is another manager, 0 when there is none, or -ENOMEM. */
static int resmgr_read_manager(struct resmgr_reader *reader)
{
	int ret;

	while (resmgr_copy_next(reader)) {
		if (resmgr_copy_is_whole(reader)) {
			/* Nothing that was copied is younger. */
			reader->now = ktime_get_mono_fast_ns();
			return 1;
		}
		ret = resmgr_make_room(reader);
		if (ret)
			return ret;
	}
	return 0;
}

static void resmgr_reader_rewind(struct resmgr_reader *reader)
{
	unsigned long flags;

	spin_lock_irqsave(&resmgr_live_lock, flags);
	list_move(&reader->place.live, &resmgr_live);
	spin_unlock_irqrestore(&resmgr_live_lock, flags);

	cdevm_list_free(reader->scopes);
	reader->scopes = NULL;
	reader->stage = RESMGR_AT_HEAD;
	reader->pos = 0;
	reader->index = 0;
}

/* Go to the next position. On an error the position is unchanged. */
static int resmgr_reader_advance(struct resmgr_reader *reader)
{
	struct cdevm_list *scopes;
	int ret;

	cond_resched();
	switch (reader->stage) {
	case RESMGR_AT_HEAD:
	case RESMGR_AT_MANAGER:
		ret = resmgr_read_manager(reader);
		if (ret < 0)
			return ret;
		if (ret) {
			reader->stage = RESMGR_AT_MANAGER;
			reader->index++;
			break;
		}
		scopes = cdevm_list_make();
		if (IS_ERR(scopes))
			return PTR_ERR(scopes);
		reader->scopes = scopes;
		reader->stage = RESMGR_AT_SCOPES;
		break;
	default:
		reader->stage = RESMGR_AT_END;
	}
	reader->pos++;
	return 0;
}

/*
 * seq_file asks again for a position if it needs a larger buffer, or on the
 * next read(): it gets the same copy.
 */
static void *resmgr_list_start(struct seq_file *m, loff_t *pos)
{
	struct resmgr_reader *reader = m->private;
	int ret;

	if (*pos < reader->pos)
		resmgr_reader_rewind(reader);
	while (reader->pos < *pos && reader->stage != RESMGR_AT_END) {
		ret = resmgr_reader_advance(reader);
		if (ret)
			return ERR_PTR(ret);
	}
	return reader->stage == RESMGR_AT_END ? NULL : reader;
}

static void *resmgr_list_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return resmgr_list_start(m, pos);
}

static void resmgr_list_stop(struct seq_file *m, void *v)
{
}

/**
 * resmgr_json_string() - print a JSON string
 * @m: output
 * @s: the string. Bytes that are not ASCII are printed as Latin-1, since half
 *	of a character that was cut is not valid UTF-8
 *
 * Context: Any context.
 */
void resmgr_json_string(struct seq_file *m, const char *s)
{
	seq_putc(m, '"');
	for (; *s; s++) {
		unsigned char c = *s;

		if (c == '"' || c == '\\')
			seq_putc(m, '\\');
		if (c < ' ' || c >= 0x7f)
			seq_printf(m, "\\u%04x", c);
		else
			seq_putc(m, c);
	}
	seq_putc(m, '"');
}

/**
 * resmgr_json_symbol() - print an address in the kernel's text as a string
 * @m: output
 * @format: "%ps" for a function, "%pS" for a place in one
 * @address: the address
 *
 * Context: Any context.
 */
void resmgr_json_symbol(struct seq_file *m, const char *format,
			unsigned long address)
{
	char text[KSYM_SYMBOL_LEN];

	snprintf(text, sizeof(text), format, (void *)address);
	resmgr_json_string(m, text);
}

static const char * const resmgr_kind_names[] = {
	[RESMGR_NODE]	= "node",
	[RESMGR_DATA]	= "data",
	[RESMGR_MEM]	= "mem",
	[RESMGR_ACTION]	= "action",
	[RESMGR_TYPED_ACTION] = "action",
	[RESMGR_PAGES]	= "pages",
	[RESMGR_PERCPU]	= "percpu",
	[RESMGR_EARLY]	= "early",
	[RESMGR_EARLY_ACTION] = "early-action",
};

/* In nanoseconds. The clock of another CPU may be slightly ahead. */
static u64 resmgr_age(const struct resmgr_reader *reader, u64 since)
{
	return reader->now > since ? reader->now - since : 0;
}

static u64 resmgr_bytes(const struct resmgr_reader *reader)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < reader->count; i++)
		sum += reader->entries[i].size;
	return sum;
}

/* In seconds with three decimals. */
static void resmgr_show_age(struct seq_file *m, u64 ns)
{
	u32 ms;
	u64 s = div_u64_rem(div_u64(ns, NSEC_PER_MSEC), MSEC_PER_SEC, &ms);

	seq_printf(m, " %8llu.%03u  ", s, ms);
}

static void resmgr_show_holders(struct seq_file *m,
				const struct resmgr_reader *reader)
{
	const struct resmgr_holder *holder;

	for (holder = reader->holders;
	     holder < reader->holders + reader->holders_count; holder++) {
		seq_puts(m, "   ");
		seq_setwidth(m, 42);
		seq_printf(m, "held by %s%s", holder->class, *holder->class ? " " : "");
		seq_escape(m, holder->name, "\n\\");
		seq_pad(m, ' ');
		resmgr_show_age(m, resmgr_age(reader, holder->since));
		if (holder->caller)
			seq_printf(m, "%-32s %pS", "", (void *)holder->caller);
		seq_putc(m, '\n');
	}
}

static void resmgr_show_text(struct seq_file *m,
			     const struct resmgr_reader *reader)
{
	const struct resmgr_entry *entry;

	seq_printf(m, "%s ", reader->class);
	seq_escape(m, reader->owner, "\n\\");
	seq_printf(m, ": %u resources, %llu bytes\n", reader->count,
		   resmgr_bytes(reader));
	for (entry = reader->entries; entry < reader->entries + reader->count; entry++) {
		seq_puts(m, "   ");
		seq_setwidth(m, 32);
		seq_escape(m, entry->name, "\n\\");
		seq_pad(m, ' ');
		seq_printf(m, "%10u", entry->size);
		resmgr_show_age(m, resmgr_age(reader, entry->added));
		/* Memory has no function of its own. */
		if (entry->fn)
			seq_printf(m, "%-32ps", entry->fn);
		else
			seq_printf(m, "%-32s", resmgr_kind_names[entry->kind]);
		if (entry->caller)
			seq_printf(m, " %pS", (void *)entry->caller);
		seq_putc(m, '\n');
	}
	resmgr_show_holders(m, reader);
}

static void resmgr_json_holders(struct seq_file *m,
				const struct resmgr_reader *reader)
{
	const struct resmgr_holder *holder;

	seq_puts(m, ",\"held_by\":[");
	for (holder = reader->holders;
	     holder < reader->holders + reader->holders_count; holder++) {
		seq_printf(m, "%s\n {\"class\":", holder > reader->holders ? "," : "");
		resmgr_json_string(m, holder->class);
		seq_puts(m, ",\"owner\":");
		resmgr_json_string(m, holder->name);
		seq_printf(m, ",\"age_ns\":%llu", resmgr_age(reader, holder->since));
		if (holder->caller) {
			seq_puts(m, ",\"caller\":");
			resmgr_json_symbol(m, "%pS", holder->caller);
		}
		seq_putc(m, '}');
	}
	seq_putc(m, ']');
}

static void resmgr_show_json(struct seq_file *m,
			     const struct resmgr_reader *reader)
{
	const struct resmgr_entry *entry;

	seq_printf(m, "%s\n{\"class\":", reader->index > 1 ? "," : "");
	resmgr_json_string(m, reader->class);
	seq_puts(m, ",\"owner\":");
	resmgr_json_string(m, reader->owner);
	seq_printf(m, ",\"bytes\":%llu,\"resources\":[", resmgr_bytes(reader));
	for (entry = reader->entries; entry < reader->entries + reader->count; entry++) {
		seq_printf(m, "%s\n {\"name\":",
			   entry > reader->entries ? "," : "");
		resmgr_json_string(m, entry->name);
		seq_printf(m, ",\"kind\":\"%s\",\"size\":%u,\"age_ns\":%llu",
			   resmgr_kind_names[entry->kind], entry->size,
			   resmgr_age(reader, entry->added));
		if (entry->fn) {
			seq_puts(m, ",\"release\":");
			resmgr_json_symbol(m, "%ps", (unsigned long)entry->fn);
		}
		if (entry->caller) {
			seq_puts(m, ",\"caller\":");
			resmgr_json_symbol(m, "%pS", entry->caller);
		}
		seq_putc(m, '}');
	}
	seq_putc(m, ']');
	if (reader->holders_count)
		resmgr_json_holders(m, reader);
	seq_putc(m, '}');
}

static int resmgr_list_show(struct seq_file *m, void *v)
{
	const struct resmgr_reader *reader = v;

	switch (reader->stage) {
	case RESMGR_AT_HEAD:
		if (reader->json)
			seq_puts(m, "{\"managers\":[");
		else
			seq_printf(m, "   %-32s %10s %12s  %-32s %s\n",
				   "in the order of release", "bytes", "age in s",
				   "release", "added by");
		break;
	case RESMGR_AT_MANAGER:
		if (reader->json)
			resmgr_show_json(m, reader);
		else
			resmgr_show_text(m, reader);
		break;
	case RESMGR_AT_SCOPES:
		if (reader->json)
			seq_puts(m, "],\n\"scopes\":[");
		cdevm_list_show(m, reader->scopes, reader->json);
		if (reader->json)
			seq_puts(m, "]}\n");
		break;
	case RESMGR_AT_END:
		break;
	}
	return 0;
}

static const struct seq_operations resmgr_list_ops = {
	.start	= resmgr_list_start,
	.next	= resmgr_list_next,
	.stop	= resmgr_list_stop,
	.show	= resmgr_list_show,
};

static int resmgr_list_open(struct inode *inode, struct file *file)
{
	struct resmgr_reader *reader;

	reader = __seq_open_private(file, &resmgr_list_ops, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->json = inode->i_private;
	INIT_LIST_HEAD(&reader->place.live);
	resmgr_reader_rewind(reader);
	return 0;
}

static int resmgr_list_release(struct inode *inode, struct file *file)
{
	struct resmgr_reader *reader = ((struct seq_file *)file->private_data)->private;
	unsigned long flags;

	spin_lock_irqsave(&resmgr_live_lock, flags);
	list_del(&reader->place.live);
	spin_unlock_irqrestore(&resmgr_live_lock, flags);

	cdevm_list_free(reader->scopes);
	kvfree(reader->entries);
	kvfree(reader->holders);
	return seq_release_private(inode, file);
}

const struct file_operations resmgr_list_fops = {
	.owner		= THIS_MODULE,
	.open		= resmgr_list_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= resmgr_list_release,
};

static struct dentry *resmgr_dir;

static int __init resmgr_debugfs_init(void)
{
	resmgr_dir = debugfs_create_dir("resmgr", NULL);
	debugfs_create_file("summary", 0444, resmgr_dir, NULL, &resmgr_list_fops);
	debugfs_create_file("dump", 0444, resmgr_dir, (void *)&resmgr_list_fops,
			    &resmgr_list_fops);
	return 0;
}
late_initcall(resmgr_debugfs_init);

static void __exit resmgr_debugfs_exit(void)
{
	debugfs_remove(resmgr_dir);
}

__exitcall(resmgr_debugfs_exit);
