/* SPDX-License-Identifier: GPL-2.0 */
/* Resource manager: internal interfaces of the lists in debugfs */
#ifndef _LIB_RESMGR_DEBUGFS_H
#define _LIB_RESMGR_DEBUGFS_H

#include <linux/fs.h>
#include <linux/seq_file.h>

/*
 * For resmgr/summary and resmgr/dump. The i_private of the inode tells which
 * one it is: %NULL for the former.
 */
extern const struct file_operations resmgr_list_fops;

void resmgr_json_string(struct seq_file *m, const char *s);
void resmgr_json_symbol(struct seq_file *m, const char *format,
			unsigned long address) __printf(2, 0);

struct resmgr;
struct resmgr_holder;

/*
 * Copy the first @room holders of @of, and return how many there are. In
 * holders.c.
 */
unsigned int resmgr_holders_copy(const struct resmgr *of, struct resmgr_holder *copies,
				 unsigned int room);

/*
 * Called when a manager gets its first resource and when it loses its last one,
 * with the lock of the manager held.
 */
void resmgr_live_join(struct resmgr *mgr);
void resmgr_live_leave(struct resmgr *mgr);

/* cdevm scopes, in scopes.c */
struct cdevm_list;

#ifdef CONFIG_CDEVM
struct cdevm_list *cdevm_list_make(void);
void cdevm_list_free(struct cdevm_list *list);
void cdevm_list_show(struct seq_file *m, const struct cdevm_list *list, bool json);
#else
static inline struct cdevm_list *cdevm_list_make(void)
{
	return NULL;
}

static inline void cdevm_list_free(struct cdevm_list *list)
{
}

static inline void cdevm_list_show(struct seq_file *m,
				   const struct cdevm_list *list, bool json)
{
}
#endif

#endif /* _LIB_RESMGR_DEBUGFS_H */
