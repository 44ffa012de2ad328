# SPDX-License-Identifier: GPL-2.0
"""The second opinion: the same question, asked of libclang.

A file is parsed as it is, without a configuration and without the kernel's own headers: what it includes with quotes
is looked for, as the struct is often there, and what it includes with angles is not. A few names are supplied that the
calls in question could not be parsed without. What remains unknown is an error that the parser recovers from.
"""
import os
import re

ALLOC = re.compile(r'\b(devm_k[a-z]*alloc[a-z_]*|devm_kmemdup)\s*\(')
PRELUDE = '''
typedef unsigned char u8, __u8, uint8_t, bool; typedef unsigned short u16, __u16, uint16_t;
typedef unsigned int u32, __u32, uint32_t, gfp_t, dev_t, __le32, __be32, umode_t, __poll_t;
typedef unsigned long long u64, __u64, uint64_t, dma_addr_t, phys_addr_t, resource_size_t, __le64, __be64;
typedef signed char s8, int8_t; typedef short s16, int16_t; typedef int s32, int32_t, pid_t;
typedef long long s64, int64_t, loff_t, ktime_t; typedef unsigned long size_t, uintptr_t, ulong; typedef long ssize_t;
typedef unsigned short __le16, __be16; typedef unsigned int uint; typedef struct { int a; } spinlock_t, atomic_t,
wait_queue_head_t, atomic64_t, rwlock_t, raw_spinlock_t, seqlock_t, refcount_t; typedef int irqreturn_t;
struct list_head { void *a, *b; }; struct mutex { int a; }; struct device { void *a; int b; };
struct cdev { int a; }; struct miscdevice { int minor; }; struct video_device { int a; }; struct media_device { int a; };
struct kref { int a; }; struct completion { int a; }; struct work_struct { int a; }; struct delayed_work { int a; };
struct timer_list { int a; }; struct v4l2_device { int a; }; struct v4l2_subdev { int a; }; struct media_pad { int a; };
struct v4l2_ctrl_handler { int a; }; struct vb2_queue { int a; }; struct v4l2_format { int a; };
struct v4l2_pix_format { int a; }; struct v4l2_async_notifier { int a; }; struct platform_device { struct device dev; };
struct i2c_client { struct device dev; }; struct spi_device { struct device dev; }; struct pci_dev { struct device dev; };
enum { GFP_KERNEL, GFP_ATOMIC, GFP_NOWAIT, __GFP_ZERO, GFP_DMA };
#define NULL ((void *)0)
#define __init
#define __exit
#define __user
#define __iomem
#define __percpu
#define __maybe_unused
#define container_of(p, t, m) ((t *)(void *)(p))
#define DECLARE_BITMAP(n, b) unsigned long n[4]
void *devm_kzalloc(), *devm_kmalloc(), *devm_kcalloc(), *devm_kmalloc_array(), *devm_krealloc(), *devm_kmemdup();
void *kzalloc(), *kmalloc(), *kcalloc(), *kmemdup(), *kvzalloc(), *vzalloc(), *kzalloc_node(), *kmalloc_array();
void kfree(), kvfree(), vfree(), kfree_sensitive();
void *platform_get_drvdata(), *dev_get_drvdata(), *pci_get_drvdata(), *i2c_get_clientdata(), *usb_get_intfdata();
void *spi_get_drvdata();
'''


def opinion(job):
    """(path, [(line, what, struct, function, callee, expression)]) of a file; the names are regarded as given."""
    tree, path, names, devm, plain, free = job
    from clang import cindex
    kinds = cindex.CursorKind
    with open(os.path.join(tree, path), encoding='utf-8', errors='replace') as f:
        text = f.read()
    folder = os.path.join(tree, os.path.dirname(path))
    top = os.path.join(tree, *path.split('/')[:2])
    args = ['-xc', '-std=gnu11', '-ferror-limit=0', '-nostdinc', '-w', '-D__KERNEL__', '-I' + folder, '-I' + top,
            '-I' + os.path.dirname(folder), '-Xclang', '-frecovery-ast', '-fno-spell-checking']
    try:
        unit = cindex.Index.create().parse(
            os.path.join(tree, path), args=args,
            unsaved_files=[(os.path.join(tree, path), PRELUDE + text)], options=0x200)
    except cindex.TranslationUnitLoadError:
        return path, None
    found, above = [], PRELUDE.count('\n')

    def struct_of(t):
        t = t.get_canonical() if t.kind != cindex.TypeKind.POINTER else t
        if t.kind == cindex.TypeKind.POINTER:
            m = re.match(r'(?:const )?(?:volatile )?struct (\w+)$', t.get_pointee().spelling)
            return m.group(1) if m else None
        return None

    def callee(node):
        """Name of what is called, through parentheses and casts."""
        while node.kind in (kinds.UNEXPOSED_EXPR, kinds.PAREN_EXPR, kinds.CSTYLE_CAST_EXPR):
            inner = [c for c in node.get_children() if c.kind.is_expression()]
            if not inner:
                return None, None
            node = inner[-1]
        if node.kind != kinds.CALL_EXPR:
            return None, None
        return node.spelling or next((c.spelling for c in node.get_children()), None), node

    def visit(node, fn):
        for c in node.get_children():
            if c.kind == kinds.FUNCTION_DECL:
                if c.location.file and c.location.file.name.endswith(path):
                    visit(c, c.spelling)
                continue
            if fn:
                look(c, fn)
                visit(c, fn)

    def look(c, fn):
        if c.kind == kinds.VAR_DECL:
            inner = [k for k in c.get_children() if k.kind.is_expression()]
            if inner:
                name, call = callee(inner[-1])
                note(c, fn, c.type, name, c.spelling, call)
        elif c.kind == kinds.BINARY_OPERATOR:
            two = list(c.get_children())
            if len(two) == 2:
                name, call = callee(two[1])
                note(c, fn, two[0].type, name, two[0].spelling, call)
        elif c.kind == kinds.CALL_EXPR and c.spelling in free:
            given = list(c.get_arguments())
            if len(given) == 1:
                # An expression that could not be understood is known by its parts: the whole has to be a name.
                g = given[0]
                while g.kind in (kinds.UNEXPOSED_EXPR, kinds.PAREN_EXPR) and len(list(g.get_children())) == 1:
                    g = next(g.get_children())
                said = ''.join(t.spelling for t in given[0].get_tokens()).strip('()')
                whole = re.split(r'->|\.', said)[-1] == g.spelling or g.kind == kinds.ARRAY_SUBSCRIPT_EXPR
                t = struct_of(g.type)
                if t in names and whole:
                    found.append((c.location.line - above, 'free', t, fn, c.spelling, g.spelling))

    def note(c, fn, kind, name, spelling, call):
        what = 'devm' if name in devm else 'plain' if name in plain else None
        if not what:
            return
        t = struct_of(kind)
        if t not in names:
            # The pointer's type is not known here: what the size is of says it, too.
            t = None
            for a in call.get_arguments():
                m = re.search(r'sizeof \( struct (\w+)', ' '.join(k.spelling for k in a.get_tokens()))
                if m and m.group(1) in names:
                    t = m.group(1)
        if t:
            found.append((call.location.line - above, what, t, fn, name, spelling))

    visit(unit.cursor, None)
    return path, found
