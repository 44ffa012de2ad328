#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of find.py and convert.py, on a tree of a few small drivers that are written here. No kernel is needed.

Prints a line for each thing that is wrong; exit status 1 then.
"""
import os
import shutil
import sys
import tempfile

import convert
import find

HEAD = '''// SPDX-License-Identifier: GPL-2.0
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>

'''
STRUCT = '''struct foo {
	struct miscdevice misc;
	wait_queue_head_t wait;
	int ready;
};

'''
FOPS = '''static ssize_t foo_read(struct file *file, char __user *buf, size_t count, loff_t *ppos)
{
	struct foo *foo = container_of(file->private_data, struct foo, misc);
	int ret;

	ret = wait_event_interruptible(foo->wait, foo->ready);
	return ret;
}

static const struct file_operations foo_fops = {
	.owner = THIS_MODULE,
	.read = foo_read,
};

'''
PROBE = '''static int foo_probe(struct platform_device *pdev)
{
	struct foo *foo;
	int ret;

	foo = devm_kzalloc(&pdev->dev, sizeof(*foo), GFP_KERNEL);
	if (!foo)
		return -ENOMEM;
	foo->misc.fops = &foo_fops;
	ret = misc_register(&foo->misc);
	if (ret)
		return ret;
	ret = foo_start(foo);
	if (ret)
		goto err;
	platform_set_drvdata(pdev, foo);
	return 0;

err:
	misc_deregister(&foo->misc);
	return ret;
}

'''
REMOVE = '''static void foo_remove(struct platform_device *pdev)
{
	struct foo *foo = platform_get_drvdata(pdev);

	misc_deregister(&foo->misc);
}

'''
DRIVER = '''static struct platform_driver foo_driver = {
	.driver.name = "foo",
	.probe = foo_probe,
	.remove = foo_remove,
};
module_platform_driver(foo_driver);
'''
DEVM = HEAD + STRUCT + FOPS + PROBE + REMOVE + DRIVER
KFREE = DEVM.replace('devm_kzalloc(&pdev->dev, ', 'kzalloc(').replace(
    'misc_deregister(&foo->misc);\n}\n\nstatic struct', 'misc_deregister(&foo->misc);\n\tkfree(foo);\n}\n\nstatic struct')
COUNTED = KFREE.replace('\tkfree(foo);\n', '\tif (refcount_dec_and_test(&foo->refs))\n\t\tfoo_free(foo);\n').replace(
    'static int foo_probe', 'static void foo_free(struct foo *foo)\n{\n\tkfree(foo);\n}\n\nstatic int foo_probe')
# name: (text, what find.py has to say: (kind, sure) or None)
FINDER = {
    'devm': (DEVM, ('devm', True)),
    'kfree': (KFREE, ('remove', True)),
    'counted': (COUNTED, None),
    'sysfs': (HEAD + STRUCT + PROBE.replace('\tfoo->misc.fops = &foo_fops;\n', '') + REMOVE + DRIVER, None),
    'unpublished': (DEVM.replace('misc_register(&foo->misc)', 'foo_register(foo)'), ('devm', False)),
    'other': (DEVM.replace('struct foo *foo;\n\tint', 'struct bar *foo;\n\tint').replace(
        STRUCT, STRUCT + 'struct bar {\n\tint a;\n};\n\n'), None),
}
REFUSED = {
    'assigned': ('\tfoo->misc.fops', '\t*foo = (struct foo){ .ready = 0 };\n\tfoo->misc.fops', 'assigned as a whole'),
    'memset': ('\tfoo->misc.fops', '\tmemset(foo, 0, sizeof(*foo));\n\tfoo->misc.fops', 'memset'),
    'devm_kfree': ('err:\n', 'err:\n\tdevm_kfree(&pdev->dev, foo);\n', 'devm_kfree'),
    'result': ('\tret = wait_event_interruptible(foo->wait, foo->ready);\n',
               '\tif (wait_event_interruptible(foo->wait, foo->ready))\n\t\treturn -ERESTARTSYS;\n', 'ERESTARTSYS'),
    'scope': ('\tint ready;\n', '\tint ready;\n\tstruct cdevm_scope scope;\n', 'a scope already'),
    'flexible': ('\tint ready;\n', '\tint ready;\n\tu8 data[];\n', 'flexible'),
}
CONVERTED = (
    ('\tint ready;\n\tstruct cdevm_scope scope;\n', 'the scope is the last member'),
    ('\tfoo = devm_cdevm_alloc(&pdev->dev, struct foo, scope);\n\tif (IS_ERR(foo))\n\t\treturn PTR_ERR(foo);\n', 'allocation'),
    ('\tret = cdevm_register_misc(&foo->scope, &foo->misc);\n', 'publishing'),
    ('err:\n\tcdevm_withdraw(&foo->scope);\n\treturn ret;\n', 'a probe that unwinds withdraws'),
    ('cdevm_wait_event_interruptible(&foo->scope, foo->wait,', 'waiting'),
    ('#include <linux/cdevm.h>\n#include <linux/fs.h>\n', 'include'),
)
failed = 0


def check(good, what):
    global failed
    if not good:
        failed = 1
        print('tools/find/test.py: ' + what)


def write(tree, path, text):
    os.makedirs(os.path.dirname(os.path.join(tree, path)), exist_ok=True)
    with open(os.path.join(tree, path), 'w', encoding='utf-8') as f:
        f.write(text)


def test_find(tree, engine):
    for name, (text, _) in FINDER.items():
        write(tree, 'drivers/%s/foo.c' % name, text)
    # A struct in a header, with the node two structs down, allocated in one file and published in another.
    write(tree, 'drivers/split/split.h', 'struct inner {\n\tstruct cdev cdev;\n};\nstruct outer {\n\tstruct inner in;\n};\n')
    write(tree, 'drivers/split/a.c', HEAD + '#include "split.h"\n\nint split_probe(struct device *dev)\n{\n'
          '\tstruct outer *o;\n\n\to = devm_kzalloc(dev, sizeof(*o), GFP_KERNEL);\n\treturn split_add(o);\n}\n')
    write(tree, 'drivers/split/b.c', HEAD + '#include "split.h"\n\nint split_add(struct outer *o)\n{\n\tkfree(NULL);\n'
          '\treturn cdev_add(&o->in.cdev, 0, 1);\n}\n')
    findings, *_ = find.search(tree, None, engine, 2, find.Progress(True))
    got = {os.path.dirname(f['file']).split('/')[-1]: (f['kind'], f['sure']) for f in findings if f['engines'] != ['text']}
    for name, (_, want) in FINDER.items():
        check(got.get(name) == want, '%s: %s: %s, not %s' % (engine, name, got.get(name), want))
    check(got.get('split') == ('devm', True), '%s: split: %s' % (engine, got.get('split')))


def test_convert(tree):
    write(tree, 'drivers/x/Makefile', 'obj-$(CONFIG_FOO) += foo.o\n')
    write(tree, 'drivers/x/Kconfig', 'config FOO\n\ttristate "foo"\n\tdepends on BAR\n\thelp\n\t  Foo.\n')
    write(tree, 'drivers/x/foo.c', DEVM)
    changed, notes = convert.convert(tree, 'drivers/x/foo.c', 'spatch')
    convert.realign(changed, 'drivers/x/foo.c')
    text = changed['drivers/x/foo.c'][1]
    for want, what in CONVERTED:
        check(want in text, 'convert: %s:\n%s' % (what, text))
    check('foo_remove' not in text, 'convert: an empty remove is left')
    check('misc_deregister' not in text, 'convert: misc_deregister() is left')
    check('\tdepends on BAR\n\tselect CDEVM\n' in changed['drivers/x/Kconfig'][1], 'convert: Kconfig')
    check(not notes, 'convert: notes: %s' % notes)
    write(tree, 'drivers/x/foo.c', DEVM.replace('err:\n', 'err:\n\tfoo_stop(foo);\n'))
    _, notes = convert.convert(tree, 'drivers/x/foo.c', 'spatch')
    check(any('before all else' in what for _, what in notes), 'convert: not noted: undone before cdevm_withdraw()')
    write(tree, 'drivers/x/Makefile', 'obj-$(CONFIG_FOO) += all.o\nall-y := bar.o\nall-$(CONFIG_PART) += foo.o\n')
    write(tree, 'drivers/x/Kconfig', 'config FOO\n\ttristate "foo"\n\nconfig PART\n\tbool "part"\n\tdepends on BAR\n')
    changed, _ = convert.convert(tree, 'drivers/x/foo.c', 'spatch')
    check('\tdepends on BAR\n\tselect CDEVM\n' in changed['drivers/x/Kconfig'][1], 'convert: the option of a part')
    write(tree, 'drivers/x/Makefile', 'obj-$(CONFIG_FOO) += foo.o\n')
    for name, (old, new, why) in REFUSED.items():
        write(tree, 'drivers/x/foo.c', DEVM.replace(old, new, 1))
        try:
            convert.convert(tree, 'drivers/x/foo.c', 'spatch')
            check(False, 'convert: %s is not refused' % name)
        except convert.Refusal as refusal:
            check(why in str(refusal), 'convert: %s: refused because: %s' % (name, refusal))


def main():
    engines = ['cocci']
    try:
        from clang import cindex
        cindex.Index.create()
        engines.append('clang')
    except Exception:       # not installed, or without its library
        pass
    for engine in engines:
        with tempfile.TemporaryDirectory() as tree:
            test_find(tree, engine)
    with tempfile.TemporaryDirectory() as tree:
        test_convert(tree)
    return failed


if __name__ == '__main__':
    if not shutil.which('spatch'):
        sys.exit('no spatch')
    sys.exit(main())
