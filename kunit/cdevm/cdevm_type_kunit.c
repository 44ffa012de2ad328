// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the types of nodes of a subsystem: struct cdevm_node_type
 *
 * A subsystem without hardware has two types of nodes: plain, without options;
 * and frames, with those of the video nodes of V4L2. A driver publishes one of
 * each through one scope, so operations on one must leave the other alone.
 */
#include <kunit/test.h>
#include <linux/cdev.h>
#include <linux/cdevm.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/platform_device.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "cdevm_kunit.h"
#include "../resmgr_kunit.h"

#define NAME	"cdevm-type-kunit"

enum kind { PLAIN, FRAMES, KINDS };

struct typed_node {
	struct cdev		cdev;
	struct cdevm_node	*node;
	dev_t			devt;
	unsigned int		removed;
};

struct typed {
	struct cdevm_scope	scope;
	struct typed_node	nodes[KINDS];
	struct typed_node	later;
	wait_queue_head_t	wait;
	struct page		*page;
};

static struct {
	struct platform_driver	driver;
	char			name[32];
	struct platform_device	*pdev;
	dev_t			devt;
	struct vfsmount		*mnt;
	struct typed		*typed;
	struct completion	freed;
} types;

static __poll_t typed_poll(struct file *file, struct poll_table_struct *table)
{
	poll_wait(file, &types.typed->wait, table);
	return 0;
}

static vm_fault_t typed_fault(struct vm_fault *vmf)
{
	get_page(types.typed->page);
	vmf->page = types.typed->page;
	return 0;
}

static const struct vm_operations_struct typed_vm_ops = {
	.fault	= typed_fault,
};

static int typed_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &typed_vm_ops;
	return 0;
}

static const struct file_operations typed_fops = {
	.owner	= THIS_MODULE,
	.poll	= typed_poll,
	.mmap	= typed_mmap,
};

static int typed_add(struct cdevm_node *node, void *data)
{
	struct typed_node *typed = data;

	cdev_init(&typed->cdev, &typed_fops);
	cdevm_node_wrap(node, &typed->cdev);
	typed->node = node;
	return cdev_add(&typed->cdev, typed->devt, 1);
}

static void typed_remove(void *data)
{
	struct typed_node *typed = data;

	typed->removed++;
	cdev_del(&typed->cdev);
}

static const struct cdevm_node_type node_types[KINDS] = {
	[PLAIN] = {
		.name	= "plain",
		.fops	= &typed_fops,
		.add	= typed_add,
		.remove	= typed_remove,
	},
	[FRAMES] = {
		.name		= "frames",
		.fops		= &typed_fops,
		.add		= typed_add,
		.remove		= typed_remove,
		.hangup		= EPOLLHUP | EPOLLERR | EPOLLPRI,
		.mappings_stay	= true,
	},
};

/* As plain numbers, which can be printed. */
static const unsigned int hangups[KINDS] = {
	[PLAIN]		= (__force unsigned int)(EPOLLHUP | EPOLLERR),
	[FRAMES]	= (__force unsigned int)(EPOLLHUP | EPOLLERR | EPOLLPRI),
};

static void typed_released(struct cdevm_scope *scope)
{
	complete(&types.freed);
}

static const struct cdevm_ops typed_ops = {
	.released = typed_released,
};

static void typed_free_page(void *page)
{
	put_page(page);
}

static int typed_probe(struct platform_device *pdev)
{
	struct typed *typed;
	enum kind kind;
	int ret;

	typed = devm_cdevm_alloc(&pdev->dev, struct typed, scope);
	if (IS_ERR(typed))
		return PTR_ERR(typed);
	cdevm_set_ops(&typed->scope, &typed_ops);
	init_waitqueue_head(&typed->wait);
	typed->page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!typed->page)
		return -ENOMEM;
	ret = cdevm_add_action_or_reset(&typed->scope, typed_free_page, typed->page);
	types.typed = typed;
	for (kind = 0; !ret && kind < KINDS; kind++) {
		typed->nodes[kind].devt = types.devt + kind;
		ret = cdevm_publish_node(&typed->scope, &node_types[kind], "typed",
					 &typed->nodes[kind]);
	}
	return ret;
}

static int types_init(struct kunit *test)
{
	static unsigned int nr;
	int ret;

	memset(&types, 0, sizeof(types));
	init_completion(&types.freed);
	ret = nodes_begin(&types.mnt, &types.devt, KINDS + 1, NAME);
	if (ret)
		return ret;
	/* A name of its own, since that of the last one may still be there. */
	snprintf(types.name, sizeof(types.name), NAME "-%u", nr++);
	types.driver.probe = typed_probe;
	types.driver.driver.name = types.name;
	types.driver.driver.owner = THIS_MODULE;
	ret = platform_driver_register(&types.driver);
	if (ret)
		goto err_nodes;
	types.pdev = platform_device_register_simple(types.name, PLATFORM_DEVID_NONE,
						     NULL, 0);
	if (!IS_ERR(types.pdev))
		return 0;

	ret = PTR_ERR(types.pdev);
	platform_driver_unregister(&types.driver);
err_nodes:
	nodes_end(types.mnt, types.devt, KINDS + 1);
	types.mnt = NULL;
	return ret;
}

static void types_exit(struct kunit *test)
{
	if (!types.mnt)
		return;
	platform_device_unregister(types.pdev);
	platform_driver_unregister(&types.driver);
	/* DEBUG_KOBJECT_RELEASE lets each cdev live some seconds longer. */
	if (types.typed)
		KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&types.freed, 30 * HZ), 0);
	nodes_end(types.mnt, types.devt, KINDS + 1);
}

static void unbind(void)
{
	device_release_driver(&types.pdev->dev);
}

static struct file *open_kind(struct kunit *test, enum kind kind)
{
	return node_must_open(test, types.mnt, types.devt + kind);
}

static const enum kind kinds[] = { PLAIN, FRAMES };

static void kind_desc(const enum kind *kind, char *desc)
{
	strscpy(desc, node_types[*kind].name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(kind, kinds, kind_desc);

static unsigned int poll_file(struct file *file, poll_table *table)
{
	return (__force unsigned int)vfs_poll(file, table);
}

/* A poller that stays on the queue. The key of the wakeup says what happened. */
struct stayer {
	poll_table		table;
	struct wait_queue_entry	entry;
	wait_queue_head_t	*queue;
	unsigned int		key;
};

static int stayer_wake(struct wait_queue_entry *entry, unsigned int mode, int sync,
		       void *key)
{
	struct stayer *s = container_of(entry, struct stayer, entry);

	s->key = (__force unsigned int)key_to_poll(key);
	return 1;
}

static void stayer_queue(struct file *file, wait_queue_head_t *queue, poll_table *table)
{
	struct stayer *s = container_of(table, struct stayer, table);

	s->queue = queue;
	init_waitqueue_func_entry(&s->entry, stayer_wake);
	add_wait_queue(queue, &s->entry);
}

/* What poll() reports for a removed node, and what wakes pollers that stay. */
static void type_hangup(struct kunit *test)
{
	enum kind kind = *(enum kind *)test->param_value;
	struct stayer *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	struct poll_wqueues *sleeper = kunit_kzalloc(test, sizeof(*sleeper), GFP_KERNEL);
	struct file *file = open_kind(test, kind);

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_NOT_NULL(test, sleeper);
	init_poll_funcptr(&s->table, stayer_queue);
	KUNIT_EXPECT_EQ(test, poll_file(file, &s->table), 0);
	KUNIT_ASSERT_PTR_EQ(test, s->queue, &types.typed->wait);
	poll_initwait(sleeper);
	KUNIT_EXPECT_EQ(test, poll_file(file, &sleeper->pt), 0);

	unbind();
	KUNIT_EXPECT_EQ(test, s->key, hangups[kind]);
	KUNIT_EXPECT_TRUE(test, sleeper->triggered);
	KUNIT_EXPECT_EQ(test, poll_file(file, &sleeper->pt), hangups[kind]);
	KUNIT_EXPECT_EQ(test, poll_file(file, NULL), hangups[kind]);
	poll_freewait(sleeper);
	remove_wait_queue(s->queue, &s->entry);
	/* Someone who comes only now. */
	KUNIT_EXPECT_EQ(test, poll_file(file, &s->table), hangups[kind]);
	remove_wait_queue(s->queue, &s->entry);
	close_file(file);
}

/* select() with nothing but exceptfds does not ask for EPOLLHUP or EPOLLERR. */
static void type_exceptfds(struct kunit *test)
{
	struct poll_wqueues *sleeper = kunit_kzalloc(test, sizeof(*sleeper), GFP_KERNEL);
	struct file *file = open_kind(test, FRAMES);

	KUNIT_ASSERT_NOT_NULL(test, sleeper);
	poll_initwait(sleeper);
	sleeper->pt._key = EPOLLPRI;
	KUNIT_EXPECT_EQ(test, poll_file(file, &sleeper->pt), 0);
	unbind();
	KUNIT_EXPECT_TRUE(test, sleeper->triggered);
	KUNIT_EXPECT_EQ(test, poll_file(file, NULL), hangups[FRAMES]);
	poll_freewait(sleeper);
	close_file(file);
}

/* A mapping: is @want in it, or nothing any more? */
static void expect_mapped(struct kunit *test, unsigned long addr, bool mapped, char want)
{
	char c = 0;

	KUNIT_EXPECT_EQ(test, get_user(c, (char __user *)addr), mapped ? 0 : -EFAULT);
	KUNIT_EXPECT_EQ(test, put_user(want + 1, (char __user *)addr), mapped ? 0 : -EFAULT);
	if (mapped)
		KUNIT_EXPECT_EQ(test, c, want);
}

static unsigned long map(struct kunit *test, struct file *file)
{
	return kunit_vm_mmap(test, file, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_SHARED, 0);
}

/* Does the core see the driver's own operations of this mapping? */
static bool has_own_vm_ops(unsigned long addr)
{
	struct vm_area_struct *vma;
	bool own;

	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, addr);
	own = vma && vma->vm_ops == &typed_vm_ops;
	mmap_read_unlock(current->mm);
	return own;
}

/* A plain mapping is zapped at unbind and one of frames stays, also in one process. */
static void type_mappings(struct kunit *test)
{
	unsigned long addr[KINDS];
	struct file *file[KINDS];
	enum kind kind;

	for (kind = 0; kind < KINDS; kind++) {
		file[kind] = open_kind(test, kind);
		addr[kind] = map(test, file[kind]);
		KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr[kind]));
		expect_mapped(test, addr[kind], true, kind);
	}
	KUNIT_EXPECT_FALSE(test, has_own_vm_ops(addr[PLAIN]));
	KUNIT_EXPECT_TRUE(test, has_own_vm_ops(addr[FRAMES]));
	KUNIT_EXPECT_PTR_EQ(test, file[PLAIN]->f_mapping,
			    types.typed->scope.inode->i_mapping);
	KUNIT_EXPECT_PTR_EQ(test, file[FRAMES]->f_mapping,
			    file_inode(file[FRAMES])->i_mapping);

	unbind();
	expect_mapped(test, addr[PLAIN], false, 0);
	expect_mapped(test, addr[FRAMES], true, KINDS);
	for (kind = 0; kind < KINDS; kind++) {
		KUNIT_EXPECT_EQ(test, map(test, file[kind]), (unsigned long)-ENODEV);
		close_file(file[kind]);
	}
	/* The mapping keeps the file, which keeps the scope. */
	KUNIT_EXPECT_FALSE(test, try_wait_for_completion(&types.freed));
	expect_mapped(test, addr[FRAMES], true, KINDS + 1);
	for (kind = 0; kind < KINDS; kind++)
		KUNIT_EXPECT_EQ(test, vm_munmap(addr[kind], PAGE_SIZE), 0);
}

/* One node is removed while its scope stays, and another is published. */
static void type_unpublish(struct kunit *test)
{
	struct typed_node *nodes = types.typed->nodes, *later = &types.typed->later;
	struct file *file = open_kind(test, FRAMES);

	cdevm_unpublish_node(nodes[FRAMES].node);
	KUNIT_EXPECT_EQ(test, nodes[FRAMES].removed, 1);
	/* Not twice. */
	cdevm_unpublish_node(nodes[FRAMES].node);
	KUNIT_EXPECT_EQ(test, nodes[FRAMES].removed, 1);
	/* The subsystem decides what happens to its files. */
	KUNIT_EXPECT_EQ(test, poll_file(file, NULL), 0);
	close_file(open_kind(test, PLAIN));

	later->devt = types.devt + KINDS;
	KUNIT_EXPECT_EQ(test, cdevm_publish_node(&types.typed->scope, &node_types[FRAMES],
						 "later", later), 0);
	close_file(open_kind(test, KINDS));

	unbind();
	KUNIT_EXPECT_EQ(test, nodes[FRAMES].removed, 1);
	KUNIT_EXPECT_EQ(test, nodes[PLAIN].removed, 1);
	KUNIT_EXPECT_EQ(test, later->removed, 1);
	KUNIT_EXPECT_EQ(test, poll_file(file, NULL), hangups[FRAMES]);
	cdevm_unpublish_node(later->node);
	KUNIT_EXPECT_EQ(test, later->removed, 1);
	close_file(file);
}

static unsigned int typed_closed;

static int typed_release(struct inode *inode, struct file *file)
{
	typed_closed++;
	return 0;
}

static const struct file_operations typed_file_fops = {
	.owner		= THIS_MODULE,
	.poll		= typed_poll,
	.release	= typed_release,
};

static const struct cdevm_node_type file_type = {
	.name	= "typed-file",
	.fops	= &typed_file_fops,
	.hangup	= EPOLLHUP | EPOLLERR | EPOLLPRI,
};

/* A file that a subsystem makes, and that is no node. */
static void type_files(struct kunit *test)
{
	struct cdevm_scope *scope = &types.typed->scope;
	struct file *file[2], *node = open_kind(test, PLAIN);
	struct cdevm_fops *wrapped;
	unsigned int i, refs;

	typed_closed = 0;
	wrapped = cdevm_wrap_files(scope, &file_type);
	KUNIT_ASSERT_NOT_NULL(test, wrapped);
	refs = refcount_read(&scope->obj.ref);
	for (i = 0; i < ARRAY_SIZE(file); i++) {
		file[i] = cdevm_anon_inode_getfile(wrapped, &types, O_RDWR);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file[i]);
		KUNIT_EXPECT_PTR_EQ(test, file[i]->private_data, (void *)&types);
		KUNIT_EXPECT_PTR_EQ(test, cdevm_file_operations(file[i]), &typed_file_fops);
		KUNIT_EXPECT_EQ(test, poll_file(file[i], NULL), 0);
		KUNIT_EXPECT_EQ(test, refcount_read(&scope->obj.ref), refs + i + 1);
	}
	KUNIT_EXPECT_PTR_EQ(test, cdevm_file_operations(node), &typed_fops);
	close_file(file[0]);
	KUNIT_EXPECT_EQ(test, typed_closed, 1);
	KUNIT_EXPECT_EQ(test, refcount_read(&scope->obj.ref), refs + 1);
	close_file(node);

	unbind();
	KUNIT_EXPECT_EQ(test, poll_file(file[1], NULL), hangups[FRAMES]);
	KUNIT_EXPECT_FALSE(test, try_wait_for_completion(&types.freed));
	close_file(file[1]);
	KUNIT_EXPECT_EQ(test, typed_closed, 2);
}

/* No mapping of such a file would be found. */
static void type_files_mapped(struct kunit *test)
{
	struct cdevm_fops *wrapped = NULL;

	EXPECT_WARNING(test, "plain can be mapped",
		       wrapped = cdevm_wrap_files(&types.typed->scope, &node_types[PLAIN]));
	KUNIT_EXPECT_NULL(test, wrapped);
}

static struct kunit_case type_cases[] = {
	KUNIT_CASE_PARAM(type_hangup, kind_gen_params),
	KUNIT_CASE(type_exceptfds),
	KUNIT_CASE(type_mappings),
	KUNIT_CASE(type_unpublish),
	KUNIT_CASE(type_files),
	KUNIT_CASE(type_files_mapped),
	{}
};

static struct kunit_suite type_suite = {
	.name		= "cdevm-node-type",
	.init		= types_init,
	.exit		= types_exit,
	.test_cases	= type_cases,
};

kunit_test_suite(type_suite);

MODULE_DESCRIPTION("KUnit tests of cdevm's types of nodes");
MODULE_LICENSE("GPL");
