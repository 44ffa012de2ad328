/* SPDX-License-Identifier: GPL-2.0 */
/* A page with a userfaultfd, which makes the kernel wait for a program. */
#ifndef E2E_UFFD_H
#define E2E_UFFD_H

#include "common.h"

#include <linux/userfaultfd.h>
#include <sys/mman.h>

static bool __unused has_userfaultfd(void)
{
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (uffd < 0)
		return false;
	close(uffd);
	return true;
}

/*
 * A page whose first use sleeps until its content is supplied through @uffd, which also
 * tells of @features; or NULL.
 */
static void __unused *uffd_page(int *uffd, unsigned long long features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	void *page;

	*uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (*uffd < 0)
		return NULL;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (unsigned long)page;
	reg.range.len = 4096;
	if (page == MAP_FAILED || ioctl(*uffd, UFFDIO_API, &api) ||
	    ioctl(*uffd, UFFDIO_REGISTER, &reg))
		return NULL;
	return page;
}

#endif /* E2E_UFFD_H */
