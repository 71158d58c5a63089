"""What is told of the run of somebody's own command, in Chinese."""

TEXTS = {
    "command": "运行 {run_id}: 命令 {command}",
    "run_output": "命令的输出: {path}",
    "command_stop": "要求停止: 向命令发送 {signal}",
    "command_paused": "命令的所有进程已暂停（SIGSTOP）",
    "command_resumed": "命令的所有进程继续运行",
    "command_cannot": "这个命令不由 everybatch 控制，无法执行 {command}",
    "command_signal": "命令被信号 {signal} 终止",
    "command_exit": "命令以退出码 {code} 结束",
    "command_exit_printed": "命令以退出码 {code} 结束；它最后打印的异常: {error}",
    "command_rank_lost": "命令以退出码 {code} 结束；rank {rank} 最先消失，没有留下任何说明: "
    "被杀、内存不足，或者 os._exit",
    "command_ranks_lost": "命令以退出码 {code} 结束，rank {ranks} 没有留下任何说明",
    "ranks_settled": "警告: {world_size} 个进程中只有 {present} 个报告batch，以后只按这些统计",
    "rank_late": "警告: rank {rank} 开始报告得晚：从此计入统计，之前的batch不含它",
    "rank_twice": "警告: 进程 {pid} 也作为 rank {rank} 训练，而另一个还在进行；不显示它",
    "ranks_again": "各进程重新开始: 接着记为 epoch {epoch}",
    "garbage": "警告: 一个进程发来无法理解的数据，不再读取",
    "hook_failed": "警告: rank {rank} 的观察出错（{error}），不再观察；训练不受影响",
    "no_steps": "警告: rank {rank} 把损失交给了 backward，但没有 torch 优化器执行 step；batch 要靠 step 才能看到",
    "no_losses": "警告: rank {rank} 的优化器在执行 step，但没有损失（单个数值）交给 backward；看不到 batch",
    "loss_as_given": "提示: 每个 step 有 {batches} 个损失，显示的是交给 backward "
    "的损失的均值（rank {rank}）；脚本事先是否已做除法无法得知",
    "step_skipped": "提示: 梯度缩放器在 rank {rank} 上跳过了 epoch {epoch} 第 {batch} 个 "
    "batch 的优化器 step: 梯度不是有限值；损失照常显示",
    "steps_skipped": "提示: 梯度缩放器在 epoch {epoch} 中跳过了 {count} 次优化器 step（rank {rank}）",
    "another_training": "提示: 从 epoch {epoch} 起由另一个优化器执行 step（rank {rank}）；"
    "如果这是另一次训练，它的 epoch 接着前面的编号",
    "loss_of": "{name}: 第 {number} 个优化器的损失（{optimizer}，{tensors} 个参数张量）",
    "thread_failed": "警告: rank {rank} 的一个线程因异常结束: {error}",
    "no_batch_python": "警告: 没有看到任何 batch: 命令之下没有 Python 让 everybatch 进入。没有 "
    "Python、使用 python -I、-E 或 -S、冻结的程序以及容器都会如此",
    "no_batch_torch": "警告: 没有看到任何 batch: 命令之下没有 Python 导入 torch",
    "no_batch_hooks": "警告: 没有看到任何 batch: everybatch 在导入 torch 的 Python 中失败了，原因在命令的输出里",
    "no_batch_loss": "警告: 没有看到任何 batch: 导入了 torch，但没有进程把损失（单个数值）交给 "
    "backward，或者那个进程是用 -I、-E 或 -S 启动的",
    "no_batch_step": "警告: 没有看到任何 batch: 损失交给了 backward，但没有任何 torch 优化器执行 step",
    "not_let_in": "警告: 已过 {seconds} 秒，命令之下没有 Python 让 everybatch 进入。使用 "
    "python -I、-E 或 -S、冻结的程序或容器时，将看不到任何 batch",
}
