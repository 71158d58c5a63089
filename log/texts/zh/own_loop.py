"""What is told of a training that reports by itself, by `everybatch.init`. In Chinese."""

TEXTS = {
    # to the person at the terminal of the training
    "api_watch": "everybatch: 运行 {run}；在任何终端里查看: everybatch attach {run}",
    "api_off": "everybatch: 这次训练没有被记录，训练继续: {reason}",
    "api_lost": "everybatch: 这次训练不再被记录，训练继续: {reason}",
    "api_gone": "运行进程已经不在",
    "api_not_started": "运行进程没有启动",
    "api_no_python": "找不到用来启动运行进程的 Python 程序（sys.executable）",
    "api_slow": "everybatch: 运行进程还没有启动；训练最多等待 {seconds} 秒，然后继续",
    "api_no_answer": "运行进程在 {seconds} 秒内没有启动",
    "api_end_lost": "everybatch: 运行进程没有响应；运行 {run} 的结尾可能没有被记录",
    "api_nobody": "rank 0 没有开始运行；在那里也要调用 everybatch.init()",
    "api_other_node": "第一台机器以外的进程还不能报告",
    "api_folder": "{path} 不是只属于这个用户的文件夹",
    "api_below": "everybatch: 在 everybatch run 之下，output_dir 和 resume 由那个命令决定",
    "api_after_end": "everybatch: 运行 {run} 已经结束，之后的内容不再记录",
    # mistakes of who calls us
    "verbatim": "{text}",
    "api_no_run": "还没有运行；先调用 everybatch.init()",
    "api_loss": "log() 需要这一步的 loss: run.log(loss=loss)；验证用 run.validated(loss=…, dice=…)",
    "api_mapping": "数值要按名字给出，或者放在一个 dict 里；得到的是 {got}",
    "api_number": "{name}: 必须是一个数，或者只有一个元素的张量，得到的是 {got}",
    "api_whole": "{name}: 必须是不小于 {least} 的整数，得到的是 {got}",
    "api_step_alone": "step: 表示从哪一步继续，因此需要 resume=…",
    "resume_not_loop": "resume: 运行 {run} 不是由 everybatch.init() 开始的；按它开始时的方式继续",
    "loop_resume_here": '运行 {run} 由 everybatch.init() 开始；在它的脚本里继续: init(resume="{run}", step=…)',
    # in the log of the run
    "loop": "运行 {run_id}: {name}，自己报告",
    "loop_resumed": "第 {attempt} 次: 从第 {step} 步之后继续，epoch {epoch} 已完成 {batch} 个batch",
    "api_failed": "警告: rank {rank} 的报告出错（{error}），不再报告；训练继续",
    "value_left_out": "警告: rank {rank}: 数值 {name} 不是一个数（{got}），已略去",
    "name_left_out": "警告: rank {rank}: 数值不能用 {name} 作名字，已略去",
    "loop_stop_asked": "要求停止: 各进程商定在哪个batch",
    "loop_stop_after_epoch_asked": "要求在本epoch之后停止",
    "loop_save_asked": "要求保存: 训练从 run.save_asked 得知",
    "loop_pause_asked": "要求暂停: 各进程商定在哪个batch",
    "loop_resume_asked": "要求继续",
    "stop_told_taken": "已通知训练停止，epoch {epoch}，完成 {batch} 个batch之后；再次要求会中断它",
    "stop_after_epoch_told_taken": "已通知训练在 epoch {epoch} 之后停止",
    "save_told_taken": "已通知训练保存，epoch {epoch}，完成 {batch} 个batch之后",
    "agreed_by_rank_0": (
        "只有 rank 0 报告，因此只通知它（{command}），通过 run.stop_asked 和 run.save_asked；训练要自己通知其他进程"
    ),
    "not_by_rank_0": "警告: 只有 rank 0 报告，各进程无法一起执行: {command} 没有执行",
    "not_agreed": "警告: 各进程没有回答，什么也没有做（{command}）；请再试一次",
    "loop_signal": "再次要求停止: 向各进程发送 {signal}",
    # how it ended
    "rank_silent": "rank {rank} 没有留下任何说明就结束了: 被杀、内存不足，或者 os._exit",
}
