// What reading 128 KiB from an SBP-2 disk costs Linux, from a bio in the kernel to its end: virtual time less idle time, as firewire.c has it. The
// disk is the model's and the only one; it is read around its page cache, each time elsewhere.
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/tick.h>

#define ROUNDS	300
#define WARM_UP	16
#define ORDER	5
#define BYTES	(PAGE_SIZE << ORDER)
#define DISK	MKDEV(8, 0)

static u64 idle_ns(void)
{
	return get_cpu_idle_time_us(0, NULL) * 1000;
}

static int read_one(struct block_device *disk, struct page *pages, int number)
{
	struct bio *bio = bio_alloc(disk, 1, REQ_OP_READ, GFP_KERNEL);
	int error;

	bio->bi_iter.bi_sector = (sector_t)number * (BYTES >> SECTOR_SHIFT);
	if (bio_add_page(bio, pages, BYTES, 0) != BYTES)
		error = -EINVAL;
	else
		error = submit_bio_wait(bio);
	bio_put(bio);
	return error;
}

static int __init sbp2_bench_init(void)
{
	struct block_device *disk = blkdev_get_by_dev(DISK, FMODE_READ, NULL);
	struct page *pages = alloc_pages(GFP_KERNEL, ORDER);
	u64 total, idle;
	int i, failed = 0;

	if (IS_ERR(disk) || !pages)
		return -ENODEV;
	for (i = 0; i < WARM_UP; i++)
		failed += read_one(disk, pages, i) != 0;
	idle = idle_ns();
	total = ktime_get_ns();
	for (i = 0; i < ROUNDS; i++)
		failed += read_one(disk, pages, i) != 0;
	total = ktime_get_ns() - total;
	idle = idle_ns() - idle;
	pr_info("BENCH linux sbp2-read-128k %llu failed=%d\n", (total - idle) / ROUNDS, failed);
	__free_pages(pages, ORDER);
	blkdev_put(disk, FMODE_READ);
	return -EAGAIN;			/* nothing to keep loaded */
}
module_init(sbp2_bench_init);
MODULE_DESCRIPTION("Cost of reading a disk");
MODULE_LICENSE("GPL");
